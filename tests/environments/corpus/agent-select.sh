#!/bin/bash
select x in a b; do echo "$x" > /etc/selected; break; done < /workspace/choice
export X="${x:-none}"
