# Reads: what the entries that a paper names end in. Writes: results/papers/<name>/, and machine readings of a reader study beside it.
# Config: papers. Items whose data are not there are left out where they say needs_data, and the page says so.


wildcard_constraints:
    item="[A-Za-z0-9_-]+",
    readers="[0-9]+",


rule rehearse_reader_study:
    """Let machine readers of known skill answer a reader study through its pages: a rehearsal, and no finding about pictures."""
    input:
        shown="results/releases/{name}/reader_study/shown",
        key="results/releases/{name}/reader_study/key.parquet",
        power="results/releases/{name}/reader_study/power.json",
    output:
        results="results/releases/{name}/reader_study/machines_{readers}/results.json",
        answers="results/releases/{name}/reader_study/machines_{readers}/answers.csv",
        picture="results/releases/{name}/reader_study/machines_{readers}/recognition.png",
    log:
        "logs/releases/{name}/rehearse_reader_study.{readers}.log",
    benchmark:
        "results/benchmarks/releases/{name}/rehearse_reader_study.{readers}.tsv"
    conda:
        "../../../envs/readers.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code_digest("avatarflow.reader_study.rehearsal")
        + template_digest(
            *(
                f"reader_study/{part}"
                for part in ("page.html.j2", "start.html.j2", "question.html.j2", "en.yaml")
            )
        ),
        entry="releases/{name}",
        readers=lambda wildcards: int(wildcards.readers),
        seed=config["seed"],
    script:
        "../../scripts/papers/rehearse_reader_study.py"


rule paper_item:
    """One figure or table of a paper, with its data and digests of all that it was made of."""
    input:
        unpack(paper_item_files),
    output:
        data="results/papers/{name}/items/{item}.json",
        picture=report(
            "results/papers/{name}/items/{item}.png",
            category="Papers",
            caption="../../report/paper_item.rst",
            labels={"paper": "{name}", "item": "{item}"},
        ),
    log:
        "logs/papers/{name}/paper_item.{item}.log",
    benchmark:
        "results/benchmarks/papers/{name}/paper_item.{item}.tsv"
    conda:
        "../../../envs/quality.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        code=code_digest("avatarflow.papers.step"),
        entry="papers/{name}",
        item=paper_item_settings,
    script:
        "../../scripts/papers/paper_item.py"


rule paper_page:
    """All items of a paper on one page, beside what the source reports."""
    input:
        unpack(paper_files),
    output:
        page=report(
            "results/papers/{name}/index.html",
            category="Papers",
            caption="../../report/paper_page.rst",
            labels={"paper": "{name}", "item": "page"},
        ),
        pdf="results/papers/{name}/{name}.pdf",
        index="results/papers/{name}/index.json",
    log:
        "logs/papers/{name}/paper_page.log",
    benchmark:
        "results/benchmarks/papers/{name}/paper_page.tsv"
    conda:
        "../../../envs/quality.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest("avatarflow.papers.page")
        + template_digest("paper.html.j2", "paper.typ", "parts/style.html.j2"),
        entry="papers/{name}",
        paper=paper_settings,
    script:
        "../../scripts/papers/paper_page.py"
