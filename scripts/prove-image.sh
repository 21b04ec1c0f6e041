#!/usr/bin/env bash
# Builds the Dockerfile as it stands and runs the image, on a Debian machine without a container engine:
# buildah does the build, in a chroot, and a Debian from debootstrap with Node in it stands for the base image.
# Needs root, and `apt-get install buildah debootstrap`. Not part of the tests, which carry out the
# Dockerfile's steps by themselves (test/container).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d)
printf '[storage]\ndriver = "vfs"\nrunroot = "%s/run"\ngraphroot = "%s/storage"\n' "$work" "$work" >"$work/storage.conf"
export CONTAINERS_STORAGE_CONF="$work/storage.conf"
trap 'buildah umount -a >/dev/null; buildah rm -a >/dev/null; rm -rf "$work"' EXIT

base=$(sed -n 's/^FROM \(node:[^ ]*\).*/\1/p' Dockerfile | head -n 1)
version=${base#node:}
version=${version%%-*}
echo "A stand-in for $base …"
root="$work/base"
debootstrap --variant=minbase bookworm "$root" >"$work/debootstrap.log"
(cd "$work" && tar xzf "$(npm pack --silent "node-linux-$(node -p process.arch)@$version")")
cp "$work/package/bin/node" "$root/usr/local/bin/node"
cp -a "$(npm root -g)/npm" "$root/usr/local/lib/npm"
ln -s ../lib/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
mkdir -p "$root/etc/ssl/certs" "$root/usr/local/etc"
container=$(buildah from scratch)
buildah add -q "$container" "$root" /
buildah config --env PATH=/usr/local/bin:/usr/bin:/bin "$container"
buildah commit -q "$container" "docker.io/library/$base"

echo 'The build …'
# The registry is reached as this machine reaches it: its certificates, its npm settings, its npm cache.
(umask 077 && { cat ~/.npmrc 2>/dev/null || true; echo 'cafile=/etc/ssl/certs/ca-certificates.crt'; } >"$work/npmrc")
buildah bud --isolation chroot --pull-never --format docker -t sallyport \
  -v /etc/ssl/certs:/etc/ssl/certs:ro -v "$work/npmrc:/root/.npmrc:ro" -v "$(npm config get cache):/root/.npm" .

echo 'The run: process 1, user 1000, read-only …'
image=$(buildah mount "$(buildah from --pull-never sallyport)")
mkdir -p "$image/etc/sallyport"
cat >"$image/etc/sallyport/sallyport.yaml" <<EOF
publicUrl: http://127.0.0.1:4180
upstream: http://127.0.0.1:8080
provider: { issuer: http://127.0.0.1:4300, clientId: app, clientSecret: unused }
session: { secret: $(head -c 32 /dev/urandom | base64) }
EOF
# A network of its own, so that the image's ports are free.
unshare --net --mount bash -euo pipefail -c '
  ip link set lo up
  mount --bind "$0" "$0" && mount -o remount,ro,bind "$0"
  inside=(chroot --userspec=1000:1000 "$0" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin)
  unshare --pid --fork "${inside[@]}" SALLYPORT_LISTEN=0.0.0.0:4180 node /app/dist/src/main.js serve &
  for _ in {1..60}; do
    "${inside[@]}" node /app/dist/src/main.js status --health 2>/dev/null && break || sleep 0.5
  done
  "${inside[@]}" node /app/dist/src/main.js status --health
  echo "healthy; it runs as $(ps -o uid=,args= --ppid $!)"
  kill -TERM "$(pgrep -P $!)"
  wait $!
  echo "ended on SIGTERM with exit code $?"
' "$image"
