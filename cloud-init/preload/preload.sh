# Runs as root in the one machine of an image that is saved with its memory, once its engine is up and before it is saved: pulls the images
# that are its arguments. Tells its host of each in a line that begins with `mayfly-preload:`, and never fails: what could not be had is asked
# for again by others.
say() { printf 'mayfly-preload: %s\n' "$*" >/dev/ttyS0; }
for image; do
  # Its network may come up after its engine.
  for pause in 1 3 5 0; do
    words=$(docker pull --quiet "$image" 2>&1) && break
    [ "$pause" = 0 ] && { say "failed $image $(printf %s "$words" | tr -s '\n\r\t ' ' ' | tail -c 300)"; continue 2; }
    sleep "$pause"
  done
  say "done $image $(docker image inspect --format '{{range .RepoDigests}}{{.}} {{end}}' "$image" | cut -d ' ' -f 1)"
done
