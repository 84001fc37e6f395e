#!/usr/bin/env bash
# smoke.sh PREFILL DECODE GRADIENT PYTHON: every short row of the three programs runs once and is right, and the scripts
# can read what they write.  Nothing is measured.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export GLINT_BENCH_SECONDS=0 PYTHONDONTWRITEBYTECODE=1

# rows PROGRAM NAME REGEX
rows() {
  "$1" --benchmark_filter="$3" --benchmark_out="$folder/$2.json" --benchmark_out_format=json
}
rows "$1" prefill '/P4/|prefill/(ragged|chunk/BNSD/bf16)/'
rows "$2" decode 'incre/BNSD/[a-z0-9_]*/(D1|D4|G1|G8)/|D2/paged_16|KV256|MLA|eigen/[a-z0-9]*/(D1|D4)'
rows "$3" gradient '/short/|/T1/(dropout|group_4)|BSND/[a-z0-9]*/T1/'
python=$4

"$python" "$here/report.py" --matrix "smoke=$folder/prefill.json"  # fails if a row did not run or was wrong
"$python" "$here/report.py" --partial "$folder/prefill.json" >"$folder/report.txt" || true  # far too slow, but told
for row in int8/BNSD/to_f16/P4 ragged/TND/f32 chunk/BNSD/bf16/512x4096/paged_16; do
  grep -q "$row" "$folder/report.txt"
done
for program in decode gradient; do
  if grep error_message "$folder/$program.json"; then exit 1; fi
done
"$python" "$here/report.py" --partial --all "$folder/decode.json" >"$folder/report.txt" || true  # far too slow, but told
grep -q 'BNSD/int8/D4 ' "$folder/report.txt"
"$python" "$here/report.py" --partial "$folder/gradient.json" >"$folder/report.txt" || true
for row in BNSD/f32/short/d_pse BNSD/bf16/short BSND/f32/T1 eigen/f32/short; do
  grep -q "$row" "$folder/report.txt"
done
for program in prefill decode gradient; do
  "$python" "$here/plot.py" "$folder/$program.svg" "$folder/$program.json"
  grep -q 'glint f32' "$folder/$program.svg"
done
