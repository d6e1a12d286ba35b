"""Makes adtte.csv again with this checkout's simulator, and survival.json with R.   usage: python make.py   (in this folder)

The numbers of adtte.csv change with the model; what is tested is that our estimators and R's agree on the same file.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
REQUEST = ["e1910-blinatumomab", "e1910-chemotherapy", "--population", "e1910", "--patients", "120", "--years", "4", "--accrual", "36",
           "--seed", "7", "--draws", "prior:1", "--tables", "adtte", "--format", "csv"]  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        subprocess.run([sys.executable, "-m", "remission.cli", "simulate", *REQUEST, "--out", place], check=True)
        query = (
            f"copy (select TRT01P, DRAW, PARAMCD, AVAL, CNSR from read_csv('{place}/adtte.csv') "
            f"where PARAMCD in ('OS', 'EFS', 'RFS', 'CIR', 'NRM')) to '{HERE}/adtte.csv' (format csv, header true)"
        )
        duckdb.connect(config={"threads": "1"}).execute(query)
        made = json.loads((Path(place) / "provenance.json").read_text())
    kept = {name: made[name] for name in ("made", "notice", "request", "versions", "hashes", "seed")}
    (HERE / "provenance.json").write_text(json.dumps(kept, indent=1) + "\n")
    answer = subprocess.run(["Rscript", "survival.R"], cwd=HERE, check=True, capture_output=True, text=True).stdout
    (HERE / "survival.json").write_text(json.dumps(json.loads(answer), indent=1) + "\n")


if __name__ == "__main__":
    main()
