# shellcheck shell=bash
# Processes that outlive the script that starts them. Each is known by a file that holds its pid and the time it was
# started at: a pid alone may belong to a stranger by the time someone wants to end it.

# process_start_time PID: prints the start time of a process (field 22 of proc_pid_stat(5)), or nothing.
process_start_time() {
  local stat
  { stat="$(<"/proc/$1/stat")"; } 2>/dev/null || return 0
  # The name in parentheses may itself hold spaces and parentheses.
  awk '{print $20}' <<<"${stat##*) }"
}

# process_pid FILE: prints the pid recorded in FILE when that very process is alive, and fails otherwise.
process_pid() {
  local pid='' started=''
  [[ -r $1 ]] && read -r pid started <"$1"
  [[ -n $pid && -n $started && $(process_start_time "$pid") == "$started" ]] || return 1
  # A zombie is dead, however long its parent takes to notice.
  [[ $(awk '/^State:/ {print $2}' "/proc/$pid/status" 2>/dev/null) != Z ]] || return 1
  echo "$pid"
}

# process_start FILE LOG COMMAND...: starts a process in a session of its own, with nothing of the caller's terminal,
# and appends its output to LOG.
process_start() {
  local file="$1" log="$2"
  shift 2
  rm -f "$file"
  # shellcheck disable=SC2016  # for the inner shell, which becomes the process itself
  setsid bash -c '
    for fd in /proc/self/fd/*; do
      fd="${fd##*/}"
      ((fd > 2)) && { eval "exec $fd>&-"; } 2>/dev/null
    done
    stat="$(</proc/$$/stat)"
    read -r -a fields <<<"${stat##*) }"
    echo "$$ ${fields[19]}" >"$0.new" && mv "$0.new" "$0"
    exec "$@"' "$file" "$@" >>"$log" 2>&1 </dev/null &
  disown
  local i
  for ((i = 0; i < 100; i++)); do
    [[ -e $file ]] && return 0
    sleep 0.02
  done
  die "could not start $1"
}

# process_signal SIGNAL FILE...
process_signal() {
  local signal="$1" file pid
  shift
  for file in "$@"; do
    if pid="$(process_pid "$file")"; then kill -s "$signal" "$pid" 2>/dev/null || true; fi
  done
}

# process_stop SECONDS FILE...: asks the processes to end, and after SECONDS makes them.
process_stop() {
  local deadline=$((SECONDS + $1)) file alive
  shift
  process_signal TERM "$@"
  while :; do
    alive=()
    for file in "$@"; do
      process_pid "$file" >/dev/null && alive+=("$file")
    done
    ((${#alive[@]} > 0)) || break
    ((SECONDS < deadline)) || process_signal KILL "${alive[@]}"
    sleep 0.05
  done
  rm -f "$@"
}
