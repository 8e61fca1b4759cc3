# Tells the time from bash itself, without starting a program: gettimeofday (EPOCHREALTIME) and time, first its own
# answers, then those of a forked child.
told() { printf '%s %(%s)T %s\n' "$EPOCHREALTIME" -1 "$1"; }
while :; do
  told parent
  (told child)
  read -r -t 0.02 <> <(:)
done
