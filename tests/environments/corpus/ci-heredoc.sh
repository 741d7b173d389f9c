#!/bin/bash
set -e
PORT=8080
#=c
cat > /etc/app.conf <<EOF
port=$PORT
# not a comment of the script
name="app"
EOF
#=r
cat > /etc/app-task.conf <<EOF
task=$TASK_ID
EOF
#=c
cat <<'END' | tee /etc/app.motd
it's here: $PORT "quoted
END
