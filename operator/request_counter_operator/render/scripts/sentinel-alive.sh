#!/bin/bash
# Whether a sentinel is alive: it answers the command that is given here, and does not run in circles. Once the network has
# told one of its connections of an error, as it does when a Service has lost its pod, a sentinel may ask for that error
# for ever, with all of a processor: https://github.com/redis/redis/issues/9956. To start it anew ends that.
set -euo pipefail
MOST_PERCENT=12

"$@"
# Processor time that the sentinel has used, in hundredths of a second. Source: proc_pid_stat(5), fields 14 and 15.
used() { local field; read -r -a field < /proc/1/stat; echo $((field[13] + field[14])); }
before=$(used)
sleep 1
percent=$(($(used) - before))
if [ "$percent" -gt "$MOST_PERCENT" ]; then
  echo "takes $percent % of a processor, and has hardly anything to do"
  exit 1
fi
