#!/bin/sh
# static_library.sh OUTPUT WHOLE... -- NEEDED...: one object of all of WHOLE and what it uses of NEEDED, in
# an archive. Hidden symbols become local to it: an archive, unlike a shared library, would give our
# short internal names to every program that links it.
set -eu
output=$1
shift
whole= needed= into=whole
for archive; do
	if [ "$archive" = -- ]; then
		into=needed
	elif [ $into = whole ]; then
		whole="$whole '$archive'"
	else
		needed="$needed '$archive'"
	fi
done
object=$output.o
eval "${LD:-ld} -r -o '$object' --whole-archive $whole --no-whole-archive --start-group $needed --end-group"
${OBJCOPY:-objcopy} --localize-hidden "$object"
rm -f "$output"
${AR:-ar} rcsD "$output" "$object"
rm -f "$object"
