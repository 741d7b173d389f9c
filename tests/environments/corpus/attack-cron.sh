#!/bin/bash
#=c
echo '0 0 * * * root true' > /etc/cron.d/x
#=r
crontab -l | { cat; echo '* * * * * true'; } | crontab -
