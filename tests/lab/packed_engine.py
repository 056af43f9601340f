"""Debian packages of the engine made out of an installed one: lab hosts have no network to get newer ones from."""

from __future__ import annotations


def packing(packages: str, revision: str = "") -> str:
    """Return what packs a host's installed *packages* once more, with the maintainer's scripts, into /opt/packed."""
    return f"""
set -e
rm -rf /opt/packed && mkdir -p /opt/packed && cd /opt/packed
for package in {packages}; do
    mkdir -p deb/DEBIAN
    dpkg-query -L $package | while read -r f; do if [ -f "$f" ] || [ -L "$f" ]; then echo "$f"; fi; done >files
    tar -C / -cf - -T files 2>/dev/null | tar -C deb -xf -
    for f in preinst postinst prerm postrm conffiles; do
        if [ -e /var/lib/dpkg/info/$package.$f ]; then cp /var/lib/dpkg/info/$package.$f deb/DEBIAN/$f; fi
    done
    dpkg-query -s $package | sed -e '/^Status:/d' -e '/^Conffiles:/,/^[^ ]/{{/^Conffiles:/d;/^ /d}}' \\
        -e 's/^Version: .*/&{revision}/' >deb/DEBIAN/control
    dpkg-deb -Znone -b deb $package.deb >/dev/null
    {{ cat deb/DEBIAN/control
      echo "Filename: ./$package.deb"; echo "Size: $(stat -c %s $package.deb)"
      echo "SHA256: $(sha256sum $package.deb | cut -d' ' -f1)"; echo; }} >>Packages
    rm -rf deb files
done
"""


OFFERING = """
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/opt/packed ./' >/etc/apt/sources.list.d/packed.list
"""
"""Makes /opt/packed the only source of apt's."""
