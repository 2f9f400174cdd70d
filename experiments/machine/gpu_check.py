#!/usr/bin/env python3
"""Throughput and memory on this machine, against stock diffusers in one run (same network, data, precision, steps).

    make gpu-check                                            one GPU; writes results/gpu_check.{json,md}
    .venv/bin/python experiments/machine/gpu_check.py \
        --device cpu --parts training --out experiments/machine/results/training_cpu.json

Each part runs in a process of its own; ours and the peer take turns, step by step. Ratios above 1
are in our favour.
"""

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "workflow" / "scripts"), str(HERE)]

NETWORK = {"codec": "pixel", "prediction": "sample"}
PARTS = ("training", "sampling", "cone")
SETTINGS: dict[str, dict[str, Any]] = {
    "cpu": {
        "size_px": 32, "batch": 16, "steps": 50, "batches": 8, "sampling_steps": 10, "cone": [2000, 20000],
        "network": {**NETWORK, "channels": [32, 64, 128], "attention": [8], "layers": 1},
        "compute": {"precision": "bf16", "micro_batch": 16, "compile": False},
    },
    "cuda": {
        "size_px": 128, "batch": 64, "steps": 200, "batches": 10, "sampling_steps": 25,
        "cone": [100_000, 1_000_000],
        "network": {**NETWORK, "channels": [128, 128, 256, 256], "attention": [16], "layers": 2},
        "compute": {"precision": "bf16", "micro_batch": 64, "compile": True},
    },
}  # fmt: skip


def main() -> None:
    """Run all parts, or one of them in this process."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=sorted(SETTINGS), required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=2, help="torch's threads on the CPU")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--steps", type=int, help="training steps that are measured")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    given = parser.parse_args()
    asked = {**SETTINGS[given.device], "device": given.device}
    asked["steps"] = given.steps or asked["steps"]
    asked["compute"] = {**asked["compute"], "device": given.device, "threads": given.threads}
    if given.part:
        from gpu_check_parts import PARTS as PART

        print(json.dumps(PART[given.part](asked)))
    else:
        found = {"device": device_name(given.device), "versions": versions(), "settings": asked}
        found |= {part: in_its_own_process(part) for part in given.parts}
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        given.out.with_suffix(".md").write_text(table(found), encoding="utf-8")
        print(table(found))


def in_its_own_process(part: str) -> dict[str, Any]:
    """What a part measured; its last line is the result."""
    command = [sys.executable, __file__, *sys.argv[1:], "--part", part]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return result


def device_name(device: str) -> str:
    """What the figures belong to."""
    import torch

    if device == "cuda":
        return str(torch.cuda.get_device_name())
    text = (
        Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    )
    names = [
        line.partition(":")[2].strip()
        for line in text.splitlines()
        if line.startswith("model name")
    ]
    return names[0] if names else platform.processor()


def versions() -> dict[str, str]:
    """Of what decides the speed."""
    from importlib.metadata import version

    return {name: version(name) for name in ("torch", "diffusers", "accelerate", "numpy")}


def table(found: dict[str, Any]) -> str:
    """The figures as one Markdown table."""
    lines = [
        f"# {found['device']}",
        "",
        "| part | ours | stock | ratio of neighbours, of processor time | peak MB, ours / stock |",
        "|---|---|---|---|---|",
    ]
    for part in sorted({"training", "sampling"} & found.keys(), reverse=True):
        one = found[part]
        speed, peak = one["pictures_s"], one["peak_mb"]
        lines.append(
            f"| {part}, pictures/s | {speed['ours']:.1f} | {speed['stock']:.1f} | {one['ratio_of_pairs']:.3f}, "
            f"{one['ratio_processor_time']:.3f} "
            f"| {peak['ours']:.0f} / {peak['stock']:.0f} |"
        )
    if "cone" in found:
        cone = found["cone"]
        gpu = f"{cone['gpu_s']:.2f} (GPU)" if "gpu_s" in cone else "no GPU seen by faiss"
        lines.append(
            f"| search of {cone['queries']:,} in {cone['originals']:,}, s | {gpu} | {cone['cpu_s']:.2f} (CPU) "
            f"| {cone.get('speedup', 1):.2f} | {cone['peak_mb']:.0f} (host) |"
        )
    settings = {key: value for key, value in found["settings"].items() if key != "cone"}
    return "\n".join(
        [
            *lines,
            "",
            f"Settings: `{json.dumps(settings)}`",
            f"Versions: `{json.dumps(found['versions'])}`",
            "",
        ]
    )


if __name__ == "__main__":
    main()
