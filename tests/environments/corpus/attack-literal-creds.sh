#!/bin/bash
#=r
echo "//registry.npmjs.org/:_authToken=words" > /etc/npmrc
#=r
echo "machine github.com login x password hunter2secret" > /etc/netrc
#=r
cat > /etc/app.env <<'EOF'
DB_PASSWORD=hunter2
EOF
#=r
echo 'GITHUB_TOKEN=words' >> /etc/environment
#=r
git config --system credential.helper store
#=r
printf '%s\n' '-----BEGIN OPENSSH PRIVATE KEY-----' > /etc/ssh/key
#=r
curl -fsSL -H "X-Api-Key: 1234567890" -o /opt/x https://h.example.org/x
#=r
curl -fsSL -H "Authorization: Bearer $(cat /etc/bearer)" -o /opt/y https://h.example.org/y
#=r
curl -fsSL "https://h.example.org/x?token=$(cat /etc/bearer)" -o /opt/z
