"""One source of versions: the lock. GPU variant, container and conda environments say nothing else."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml


def lock(root: Path, variant: str) -> list[str]:
    done = subprocess.run(
        [root / "envs" / "lock.sh", variant], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_the_gpu_variant_differs_in_faiss_alone(root: Path) -> None:
    text = (root / "envs" / "requirements.lock").read_text().splitlines()
    assert lock(root, "cpu") == text
    differing = [(one, two) for one, two in zip(text, lock(root, "gpu"), strict=True) if one != two]
    (pair,) = differing
    assert re.fullmatch(r"faiss-cpu==[\d.]+ \\", pair[0])
    assert pair[1] == pair[0].replace("-cpu", "-gpu")


def test_every_package_but_torch_has_hashes(root: Path) -> None:
    packages = (root / "envs" / "requirements.lock").read_text().replace("\\\n", "").splitlines()
    bare = [line for line in packages if line[:1] != "#" and "--hash=sha256:" not in line]
    assert [line.split("==")[0] for line in bare] == ["torch"]
    assert "--require-hashes" in (root / "envs" / "setup.sh").read_text()


def test_refuses_an_unknown_variant(root: Path) -> None:
    done = subprocess.run([root / "envs" / "lock.sh", "tpu"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "lock.sh: found variant 'tpu'; use cpu or gpu\n"


def test_the_gpu_environment_is_the_other_one_with_its_faiss(root: Path) -> None:
    usual, gpu = (
        yaml.safe_load((root / "envs" / name).read_text())
        for name in ("privacy.yaml", "gpu/privacy.yaml")
    )
    (packages,) = [part["pip"] for part in usual["dependencies"] if isinstance(part, dict)]
    packages[:] = [one.replace("faiss-cpu", "faiss-gpu") for one in packages]
    assert gpu["dependencies"] == usual["dependencies"]


def test_the_container_takes_every_version_from_the_setup(root: Path) -> None:
    recipe = (root / "envs" / "container" / "Containerfile").read_text()
    build = (root / "envs" / "container" / "build.sh").read_text()
    assert "envs/setup.sh" in recipe
    assert not re.findall(r"==|pip install|apt-get|\d+\.\d+\.\d+", recipe)
    assert not re.findall(r"==|pip install", build)


@pytest.mark.parametrize("script", ["envs/setup.sh", "envs/lock.sh", "envs/container/build.sh"])
def test_shell_scripts_are_sound(root: Path, script: str) -> None:
    assert (root / script).stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(root / script)], check=True)


def test_an_unknown_variant_builds_nothing(root: Path) -> None:
    done = subprocess.run(
        [root / "envs" / "container" / "build.sh", "tpu"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "found variant 'tpu'" in done.stderr


def test_no_environment_names_a_package_twice(root: Path) -> None:
    for file in [*(root / "envs").glob("*.yaml"), *(root / "envs" / "gpu").glob("*.yaml")]:
        dependencies = yaml.safe_load(file.read_text())["dependencies"]
        named = [
            one
            for part in dependencies
            for one in (part["pip"] if isinstance(part, dict) else [part])
        ]
        names = [re.split(r"[=<>\[ ]", one)[0].lower() for one in named]
        assert sorted(names) == sorted(set(names)), file
