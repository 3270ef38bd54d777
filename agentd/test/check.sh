#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds and runs every unit test (test/*_test.c), each with the sources that it names in a line "// uses: a.c b.c".
# TAP on stdout, the last line is "N passed, N failed, N skipped".
cd "$(dirname "$0")/.." || exit 1
out=build/check
mkdir -p "$out"
passed=0 failed=0 skipped=0

for test in test/*_test.c; do
	name=$(basename "$test" .c)
	uses=$(sed -n 's|^// uses: ||p' "$test" | tr ' ' '\n' | sed 's|^|src/|')
	echo "# $name"
	# shellcheck disable=SC2086
	if ! ${HOSTCC:-gcc} -std=c11 -g -O1 -D_GNU_SOURCE -DAGENT_VERSION="\"$VERSION\"" -Isrc -Itest -Wall -Wextra -Werror \
		-fsanitize=address,undefined -fno-sanitize-recover=all -o "$out/$name" "$test" $uses; then
		echo "not ok - $name does not build"
		failed=$((failed + 1))
		continue
	fi
	"$out/$name" >"$out/$name.tap" 2>&1
	rc=$?
	cat "$out/$name.tap"
	skips=$(grep -c '^ok .*# SKIP' "$out/$name.tap")
	passed=$((passed + $(grep -c '^ok ' "$out/$name.tap") - skips))
	bad=$(grep -c '^not ok ' "$out/$name.tap")
	skipped=$((skipped + skips))
	# A sanitizer's abort leaves no "not ok" and no plan.
	if [ "$rc" -ne 0 ] && [ "$bad" -eq 0 ]; then
		echo "not ok - $name ended with status $rc"
		bad=1
	fi
	failed=$((failed + bad))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
