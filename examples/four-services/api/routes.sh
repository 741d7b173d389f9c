#!/bin/sh
# routes.sh COUNT FOLDER: generates one small file per route, as a code generator would.
set -eu
count=$1 out=$2
for number in $(seq 1 "$count"); do
  folder=$out/v$((number % 4))/group-$((number % 20))
  mkdir -p "$folder"
  printf '{"route":%d,"method":"GET","path":"/items/%d"}\n' "$number" "$number" >"$folder/route-$number.json"
done
