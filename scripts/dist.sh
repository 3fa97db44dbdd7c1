#!/bin/bash
# Makes what is released of the commit at HEAD: for amd64 and arm64 a tarball and a Debian package, with SHA256SUMS. The bytes
# depend on the commit and the Go toolchain alone.
#   scripts/dist.sh [DIR]     into DIR, bin/dist unless given
#   scripts/dist.sh --check   twice, in different directories, with nothing kept of the first build; compares, and looks what is in it
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C TZ=UTC
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

commit=$(git rev-parse HEAD)
epoch=$(git log -1 --format=%ct)
release=$(sed -n 's/^\tversion = "\(.*\)"$/\1/p' cmd/jurat/version.go)
version=$release
if ! git describe --exact-match --match "v$release" HEAD >/dev/null 2>&1; then
	version="$release~git$(date -u -d "@$epoch" +%Y%m%d%H%M%S).${commit:0:12}" # Debian sorts it before the release
fi
export SOURCE_DATE_EPOCH=$epoch

# build SOURCE ARCH PROGRAM
build() {
	(cd "$1" && GOOS=linux GOARCH=$2 CGO_ENABLED=0 GOFLAGS= GOAMD64=v1 GOARM64=v8.0 go build -trimpath -buildvcs=false \
		-ldflags "-s -w -buildid= -X main.version=$version -X main.commit=$commit" -o "$3" ./cmd/jurat)
}

# links DIR: whether every relative link of the Markdown files below leads to something below.
links() {
	local file link to dead=0
	while IFS=: read -r file link; do
		link=${link#](}
		to=$(realpath -ms --relative-to="$1" "$1/${file%/*}/${link%[)#]}")
		if [[ $to == ..* ]] || ! [[ -e $1/$to || -L $1/$to ]]; then
			echo "$file: dead link to ${link%[)#]}" >&2
			dead=1
		fi
	done < <(cd "$1" && grep -roE '\]\([^)#: ]+[)#]' --include='*.md' .)
	return $dead
}

# tree SOURCE ARCH PROGRAM TOOL DIR: what both kinds of packages hold. TOOL is the same program for this machine.
tree() {
	local source=$1 arch=$2 program=$3 tool=$4 dir=$5
	mkdir -p "$dir"/{man,completions,docs,examples}
	install -m 755 "$program" "$dir/jurat"
	"$tool" manual --dir "$dir/man" --date "$(date -u -d "@$epoch" +%F)"
	for shell in bash zsh fish; do "$tool" completion $shell >"$dir/completions/jurat.$shell"; done
	"$tool" sbom "$program" >"$dir/sbom.cdx.json"
	cp "$source"/{README,ARCHITECTURE,CHANGELOG}.md "$source/LICENSE" "$dir"
	cp "$source"/docs/*.{md,png} "$dir/docs"
	cp -r "$source"/examples/. "$dir/examples"
	links "$dir"
}

# tarball PARENT NAME OUT
tarball() {
	tar -C "$1" --sort=name --format=ustar --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --mode=go-w,a+rX -cf - "$2" | gzip -n9 >"$3"
}

# package TREE ARCH ROOT OUT
package() {
	local from=$1 arch=$2 root=$3 out=$4 doc=$3/usr/share/doc/jurat
	mkdir -p "$root"/{DEBIAN,etc/default,usr/bin,usr/lib/systemd/system,usr/lib/sysusers.d,usr/lib/tmpfiles.d,usr/share/man/man1}
	mkdir -p "$root"/usr/share/{bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d} "$doc"/{docs,examples/ops}
	install -m 755 "$from/jurat" "$root/usr/bin/jurat"
	cp "$from"/examples/ops/jurat.{service,socket} "$root/usr/lib/systemd/system"
	cp "$from/examples/ops/jurat.sysusers" "$root/usr/lib/sysusers.d/jurat.conf"
	cp "$from/examples/ops/jurat.tmpfiles" "$root/usr/lib/tmpfiles.d/jurat.conf"
	cp "$from/examples/ops/jurat.default" "$root/etc/default/jurat"
	for page in "$from"/man/*; do gzip -n9 <"$page" >"$root/usr/share/man/man1/${page##*/}.gz"; done
	cp "$from/completions/jurat.bash" "$root/usr/share/bash-completion/completions/jurat"
	cp "$from/completions/jurat.zsh" "$root/usr/share/zsh/vendor-completions/_jurat"
	cp "$from/completions/jurat.fish" "$root/usr/share/fish/vendor_completions.d/jurat.fish"
	cp "$from"/{README,ARCHITECTURE,CHANGELOG}.md "$from/sbom.cdx.json" "$doc"
	ln -s ../../common-licenses/Apache-2.0 "$doc/LICENSE"
	cp "$from"/docs/* "$doc/docs"
	printf 'jurat (%s) unstable; urgency=medium\n\n  * CHANGELOG.md tells what is new.\n\n -- %s  %s\n' "$version" \
		"$(sed -n 's/^Maintainer: //p' scripts/debian/control)" "$(date -u -R -d "@$epoch")" | gzip -n9 >"$doc/changelog.gz"
	cp -r "$from"/examples/{audit.sql,canton} "$doc/examples"
	cp "$from"/examples/ops/{alerts.yml,dashboard.json} "$doc/examples/ops"
	links "$doc"
	cp scripts/debian/copyright "$doc/copyright"
	mkdir -p "$root/usr/share/lintian/overrides"
	cp scripts/debian/overrides "$root/usr/share/lintian/overrides/jurat"
	for script in postinst prerm postrm; do install -m 755 "scripts/debian/$script" "$root/DEBIAN/$script"; done
	echo /etc/default/jurat >"$root/DEBIAN/conffiles"
	sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@SIZE@/$(du -sk --apparent-size "$root/usr" | cut -f1)/" scripts/debian/control >"$root/DEBIAN/control"
	(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
	find "$root" -exec touch -h -d "@$epoch" {} +
	dpkg-deb --root-owner-group -Zxz --build "$root" "$out" >/dev/null
}

# dist WORK OUT
dist() {
	local here=$1 arch out
	out=$(realpath -m -- "$2") # parts are built in other directories
	mkdir -p "$here/source" "$out"
	git archive HEAD | tar -xf - -C "$here/source"
	(cd "$here/source" && GOFLAGS= make -s page) # embedded by what follows
	for arch in amd64 arm64; do build "$here/source" $arch "$here/jurat-$arch"; done
	local tool=$here/jurat-$(go env GOHOSTARCH)
	for arch in amd64 arm64; do
		local name="jurat-$version-linux-$arch"
		tree "$here/source" $arch "$here/jurat-$arch" "$tool" "$here/tar/$name"
		tarball "$here/tar" "$name" "$out/$name.tar.gz"
		cp "$here/tar/$name/sbom.cdx.json" "$out/$name.cdx.json"
		if command -v dpkg-deb >/dev/null; then
			(cd "$here/source" && package "$here/tar/$name" $arch "$here/deb-$arch" "$out/jurat_${version}_$arch.deb")
		else
			echo 'SKIPPED: no Debian packages: dpkg-deb is not installed' >&2
		fi
	done
	(cd "$out" && sha256sum -- *.tar.gz *.cdx.json $(ls -- *.deb 2>/dev/null) >SHA256SUMS)
}

# inspect OUT: whether the tarballs hold what docs/operations.md installs from them, and static programs of their architectures.
inspect() {
	local out=$1 arch name file
	for arch in amd64 arm64; do
		name=jurat-$version-linux-$arch
		tar -tzf "$out/$name.tar.gz" >"$work/list"
		for file in LICENSE {README,ARCHITECTURE,CHANGELOG}.md sbom.cdx.json docs/{operations,backup,security,metrics}.md man/jurat{,-serve}.1 \
			completions/jurat.{bash,zsh,fish} examples/audit.sql examples/ops/{jurat.{service,socket,sysusers,tmpfiles,default},alerts.yml,dashboard.json}; do
			grep -qxF "$name/$file" "$work/list" || { echo "$name.tar.gz lacks $file" >&2; return 1; }
		done
		tar -xzf "$out/$name.tar.gz" -C "$work" "$name/jurat" "$name/sbom.cdx.json"
		go version -m "$work/$name/jurat" >"$work/info"
		for file in CGO_ENABLED=0 GOARCH=$arch GOOS=linux; do
			grep -qF "$file" "$work/info" || { echo "$name.tar.gz: the program was not built with $file" >&2; return 1; }
		done
		# A program that asks for a loader names it in a segment of its own.
		if LC_ALL=C readelf -lW "$work/$name/jurat" | grep -E 'INTERP|DYNAMIC' >&2; then
			echo "$name.tar.gz: the program is not static" >&2
			return 1
		fi
		# Every module that the program was built of stands in its bill of materials.
		for file in $(awk '$1 == "dep" { print $2 "@" $3 }' "$work/info"); do
			grep -qF "pkg:golang/$file" "$work/$name/sbom.cdx.json" || { echo "$name.tar.gz: sbom.cdx.json lacks $file" >&2; return 1; }
		done
	done
}

if [ "${1-}" = --check ]; then
	dist "$work/first" "$(realpath -m --relative-to=. -- "$work/one")"
	export GOCACHE="$work/cache"
	dist "$work/a/second/and/longer/place" "$work/two"
	diff "$work/one/SHA256SUMS" "$work/two/SHA256SUMS"
	cat "$work/two/SHA256SUMS"
	inspect "$work/two"
	echo 'both builds are the same, byte for byte, and whole'
	chmod -R u+w "$work/cache"
else
	out=${1:-bin/dist}
	rm -rf "$out"
	dist "$work" "$out"
	ls -l "$out"
fi
