"""Stands in for a stage: writes the files that dvc.yaml declares, at once. A copy is stages/<stage>.py of a project.

Files in the root of its checkout, which is the project's unless a cluster runs it, change what it does: `broken`,
`full`, `slow`, `parents` and `meet` hold names of stages that fail, that find the disk full, that take minutes, that
take a second and leave a child process behind, and that wait until all of them have started.
"""

import source  # noqa: F401, I001

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from ruamel.yaml import YAML

from attnbench import marker

BEGAN = time.time()
CHECKOUT = Path(__file__).resolve().parents[1]
STAGE = Path(sys.argv[0]).stem
PARAMS = YAML(typ="safe").load(Path(sys.argv[1]))
NAME = PARAMS["name"]
KEY = "-".join(sys.argv[2:])
FULL_NAME = f"{STAGE}@{KEY}" if KEY else STAGE


def main() -> None:
    (CHECKOUT / "started").mkdir(exist_ok=True)
    Path(CHECKOUT, "started", FULL_NAME).write_text(str(os.getpid()))
    if FULL_NAME in names("broken"):
        sys.exit(f"{FULL_NAME} is broken on purpose")
    if FULL_NAME in names("full"):
        sys.exit(f"[Errno 28] {os.strerror(28)}: '.dvc/cache'")
    if FULL_NAME in names("slow"):
        time.sleep(120)
    if FULL_NAME in names("parents"):
        subprocess.Popen(["sleep", "600"])
        time.sleep(1)
    while FULL_NAME in names("meet") and not all(Path(CHECKOUT, "started", other).exists() for other in names("meet")):
        time.sleep(0.02)
        if time.time() > BEGAN + 120:
            sys.exit("the others have not started")
    for path, text in WRITERS[STAGE]().items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
    with (CHECKOUT / "ran").open("a") as stream:
        stream.write(f"{FULL_NAME} {BEGAN} {time.time()}\n")


def names(file: str) -> list[str]:
    return (CHECKOUT / file).read_text().split() if (CHECKOUT / file).exists() else []


def data() -> dict[str, str]:
    images = json.dumps(PARAMS["data"])
    return {f"data/{NAME}.safetensors": images, f"results/{NAME}/data.json": images}


def train() -> dict[str, str]:
    variant, seed = sys.argv[2], int(sys.argv[3])
    options = PARAMS["variants"][variant].get("options", {})
    accuracy = 0.5 + PARAMS["recipe"]["epochs"] / 100 + seed / 1000 + options.get("reduction", 0) / 1000
    results = f"results/{NAME}"
    epochs = "".join(f"{epoch},{accuracy}\n" for epoch in range(1, PARAMS["recipe"]["epochs"] + 1))
    return {
        f"runs/{NAME}/{KEY}/checkpoint.safetensors": f"{KEY} {marker.VALUE} {accuracy}",
        f"runs/{NAME}/{KEY}/predictions.safetensors": f"{KEY} {accuracy}",
        f"{results}/runs/{KEY}.json": json.dumps({"variant": variant, "accuracy": accuracy, "marker": marker.VALUE}),
        f"{results}/correct/{KEY}.bits": f"{KEY} {accuracy}",
        f"{results}/timing/{KEY}.json": json.dumps({"seconds": 1}),
        f"{results}/curves/{KEY}/epochs.csv": f"epoch,validation_accuracy\n{epochs}",
        f"{results}/curves/{KEY}/iterations.csv": "step,loss\n1,2.3\n",
    }


def ready() -> dict[str, str]:
    return {f"results/{NAME}/ready.json": "{}"}


def cost() -> dict[str, str]:
    return {f"results/{NAME}/cost/{KEY}.json": json.dumps({"parameters": 1000})}


def latency() -> dict[str, str]:
    return {f"results/{NAME}/latency.json": json.dumps({"ms": 1.5})}


def views() -> dict[str, str]:
    checkpoint = Path(f"runs/{NAME}/{KEY}-{PARAMS['seeds'][0]}/checkpoint.safetensors").read_text()
    return {f"results/{NAME}/views/{KEY}.safetensors": f"views of {checkpoint}"}


def ablate() -> dict[str, str]:
    return {f"results/{NAME}/ablation/{KEY}.json": json.dumps({"accuracy": 0.5})}


def robustness() -> dict[str, str]:
    return {f"results/{NAME}/robustness/{KEY}.json": json.dumps({"accuracy": 0.5})}


def maps() -> dict[str, str]:
    return {f"results/{NAME}/maps/{KEY}.json": json.dumps({"images": 500})}


def analyse() -> dict[str, str]:
    learning, overview, summary = ["variant,seed,epoch,validation_accuracy"], ["variant,accuracy,std,parameters"], {}
    overview[0] += f",latency_ratio_{PARAMS['latency']['batch_sizes'][0]}"
    folder = Path(f"results/{NAME}/runs")
    for variant in PARAMS["variants"]:
        records = [path for seed in PARAMS["seeds"] if (path := folder / f"{variant}-{seed}.json").exists()]
        accuracies = [json.loads(path.read_text())["accuracy"] for path in records]
        mean = round(100 * sum(accuracies) / len(accuracies), 4)
        learning += [f"{variant},{seed},1,{mean}" for seed in PARAMS["seeds"]]
        overview += [f"{variant},{mean},0.5,1000,1.5"]
        summary[variant] = {"accuracy": mean, "difference": 1.5, "low": 1.0, "high": 2.0}
    return {
        f"reports/{NAME}/tables/learning.csv": "\n".join(learning) + "\n",
        f"reports/{NAME}/tables/overview.csv": "\n".join(overview) + "\n",
        f"reports/{NAME}/summary.json": json.dumps(summary),
    }


def report() -> dict[str, str]:
    tables = Path(f"reports/{NAME}/tables/overview.csv").read_text()
    files = ("REPORT.md", "REPORT.html", "DETAILS.md", "figures/runs.svg", "paper/main.tex")
    results = (
        "study,title,question,images,network,epochs,margin,variant,kind,n,difference,low,high,verdict,training_step_ratio,"
        "data_sha256,code_sha256\n"
        f"{NAME},A title,,Images,cnn,1,,baseline,baseline,1,,,,,1,d,c\n"
    )
    return {f"reports/{NAME}/{file}": tables for file in files} | {f"reports/{NAME}/results.csv": results}


STAGES = (data, cost, ready, train, latency, views, ablate, robustness, maps, analyse, report)
WRITERS = {function.__name__: function for function in STAGES}

if __name__ == "__main__":
    main()
