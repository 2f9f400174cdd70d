"""A HealthDCAT-AP record (release 8, public data): `health-dcat-ap.jsonld`, DCAT-AP with what health data need.

What the workflow knows it takes from the facts; what only a data steward knows comes from `release.health`. Where
nobody said a thing, its property is left out.

References
----------
https://healthdataeu.pages.code.europa.eu/healthdcat-ap/ and the vocabularies of its validator: health categories are
those of Article 51 of Regulation (EU) 2025/327.
"""

from collections.abc import Mapping
from typing import Any

from avatarflow.core.paths import write_json

from .dcat_ap import CONTEXT, Node, concept, distribution, english, format_terms, record
from .facts import CERTIFICATE, CERTIFICATE_MEANING, Format, released_files
from .interface import Content

NAME = "health-dcat-ap.jsonld"
HEALTH_CONTEXT = {
    **CONTEXT,
    "adms": "http://www.w3.org/ns/adms#", "csvw": "http://www.w3.org/ns/csvw#", "cv": "http://data.europa.eu/m8g/",
    "dcatap": "http://data.europa.eu/r5r/", "dpv": "https://w3id.org/dpv#", "dqv": "http://www.w3.org/ns/dqv#",
    "eli": "http://data.europa.eu/eli/ontology#", "geodcatap": "http://data.europa.eu/930/",
    "healthdcatap": "http://healthdataportal.eu/ns/health#", "oa": "http://www.w3.org/ns/oa#",
}  # fmt: skip
CATEGORIES = "https://hdeu-dcat.data.health.europa.eu/resource/authority/healthcategories"
LABELS = {
    "EHRS": "Electronic health data from EHRs",
    "DIOH": "Data on factors impacting on health, including socio-economic, environmental and behavioural determinants "
    "of health",
    "NRPE": "Aggregated data on healthcare needs, resources allocated to healthcare, the provision of and access to "
    "healthcare, healthcare expenditure and financing",
    "RPDG": "Data on pathogens that impact human health",
    "HRAD": "Healthcare-related administrative data, including on dispensations, reimbursement claims and "
    "reimbursements",
    "HGPD": "Human genetic, epigenomic and genomic data",
    "HPML": "Other human molecular data such as proteomic, transcriptomic, metabolomic, lipidomic and other omic data",
    "PGEH": "Personal electronic health data automatically generated through medical devices",
    "WELA": "Data from wellness applications",
    "IDHP": "Data on professional status, and on the specialisation and institution of health professionals involved "
    "in the treatment of a natural person",
    "PHDR": "Data from population-based health data registries such as public health registries",
    "MRMR": "Data from medical registries and mortality registries",
    "EHCT": "Data from clinical trials, clinical studies, clinical investigations and performance studies",
    "EMRD": "Other health data from medical devices",
    "RMMD": "Data from registries for medicinal products and medical devices",
    "RQSH": "Data from research cohorts, questionnaires and surveys related to health, after the first publication of "
    "the related results",
    "EINS": "Health data from biobanks and associated databases",
}
"""The health categories by code, with their English labels."""
JSON, PNG = Format("application/json", "JSON", "JSON"), Format("image/png", "PNG", "PNG")


def write(content: Content) -> None:
    """Write the record."""
    graph = {"@context": HEALTH_CONTEXT, "@graph": health_record(content)}
    write_json(content.folder / NAME, graph, allow_nan=False)


def health_record(content: Content) -> list[Node]:
    """Return the DCAT-AP record, each node with the health properties that are its own."""
    url, health = str(content.settings["url"]), content.settings["health"]
    nodes = record(content) + _further_files(content)
    legislation = [{"@id": address} for address in health["legislation"]]
    for node in nodes:
        if node["@type"] in ("dcat:Dataset", "dcat:Distribution"):
            node["dcatap:applicableLegislation"] = legislation
        if node["@type"] == "dcat:Dataset":
            node.update(_known(content), **_declared(url, health))
        if node["@id"] == f"{url}#publisher":
            node["cv:contactPoint"] = contact_point(content.settings["contact"])
    return [
        *nodes,
        *_agents(url, health),
        *({"@id": address, "@type": "eli:LegalResource"} for address in health["legislation"]),
        *_categories(health),
    ]


def _known(content: Content) -> Node:
    """Return what the workflow knows: counts, columns, where the measured quality stands, a sample."""
    url, facts = str(content.settings["url"]), content.facts
    place = url.rstrip("/")
    known: Node = {
        "healthdcatap:numberOfRecords": count(facts.records),
        "healthdcatap:hasStructuredData": {
            "@type": "xsd:boolean",
            "@value": "true" if facts.columns else "false",
        },
        "healthdcatap:analytics": {"@id": f"{place}/{CERTIFICATE}"},
        "dqv:hasQualityAnnotation": {
            "@id": f"{url}#certificate",
            "@type": "dqv:QualityCertificate",
            "oa:hasTarget": {"@id": f"{url}#dataset"},
            "oa:hasBody": {"@id": f"{place}/{CERTIFICATE}"},
            "oa:motivatedBy": {"@id": "dqv:qualityAssessment"},
        },
    }
    individuals = content.settings["health"]["individuals"]
    if facts.individuals is not None or individuals is not None:
        number = individuals if facts.individuals is None else facts.individuals
        known["healthdcatap:numberOfUniqueIndividuals"] = count(number)
    if facts.columns:
        known["healthdcatap:hasVariables"] = _variables(content)
    if facts.sample:
        known["adms:sample"] = {"@id": f"{place}/{facts.sample}"}
    population = " ".join(
        filter(None, (facts.population, content.settings["health"]["population"]))
    )
    if population:
        known["healthdcatap:populationCoverage"] = english(population)
    return known


def _declared(url: str, health: Mapping[str, Any]) -> Node:
    """Return what the steward declared."""
    declared: Node = {
        "healthdcatap:hdab": {"@id": f"{url}#access-body"},
        "healthdcatap:healthCategory": [
            {"@id": f"{CATEGORIES}/{code}"} for code in health["categories"]
        ],
    }
    if health["custodian"]["name"]:
        declared["geodcatap:custodian"] = {"@id": f"{url}#custodian"}
    for key, name in (("min_age", "minTypicalAge"), ("max_age", "maxTypicalAge")):
        if health[key] is not None:
            declared[f"healthdcatap:{name}"] = count(health[key])
    for key, kind in (("purpose", "Purpose"), ("legal_basis", "LegalBasis")):
        if health[key]:
            declared[f"dpv:has{kind}"] = {
                "@id": f"{url}#{key.replace('_', '-')}",
                "@type": f"dpv:{kind}",
                "dct:description": english(health[key]),
            }
    days = {
        name: {"@type": "xsd:date", "@value": health[key]}
        for key, name in (("retained_from", "dcat:startDate"), ("retained_until", "dcat:endDate"))
        if health[key]
    }
    if days:
        declared["healthdcatap:retentionPeriod"] = {
            "@id": f"{url}#retention",
            "@type": "dct:PeriodOfTime",
            **days,
        }
    return declared


def _variables(content: Content) -> Node:
    """Return the columns of the data as CSV on the Web describes them."""
    url = str(content.settings["url"])
    columns = [
        {
            "@id": f"{url}#column-{number}",
            "@type": "csvw:Column",
            "csvw:name": column.name,
            "csvw:title": column.name,
            "csvw:datatype": column.csvw,
            "dct:description": english(column.meaning),
        }
        for number, column in enumerate(content.facts.columns, start=1)
    ]
    table = {
        "@id": f"{url}#table",
        "@type": "csvw:Table",
        "dct:title": english(content.facts.data.description),
        "csvw:column": columns,
    }
    return {
        "@id": f"{url}#variables",
        "@type": "csvw:TableGroup",
        "dct:title": english(f"Columns of {content.facts.title}"),
        "csvw:table": table,
    }


def _further_files(content: Content) -> list[Node]:
    """Return the certificate, and the sample where there is one, as distributions that are not the data."""
    meanings = {CERTIFICATE: (CERTIFICATE_MEANING, JSON)}
    if content.facts.sample:
        meanings[content.facts.sample] = ("Some of the records, to look at.", PNG)
    nodes = []
    for path, (meaning, form) in meanings.items():
        (file,) = released_files(content.folder, path)
        nodes += [distribution(content, file, meaning, form), *format_terms(form)]
    return nodes


def _agents(url: str, health: Mapping[str, Any]) -> list[Node]:
    """Return the health data access body, and the data holder where one is named."""
    agents = {"access-body": health["access_body"], "custodian": health["custodian"]}
    return [
        {
            "@id": f"{url}#{name}",
            "@type": "foaf:Agent",
            "foaf:name": english(agent["name"]),
            "cv:contactPoint": contact_point(agent["contact"]),
        }
        for name, agent in agents.items()
        if agent["name"]
    ]


def _categories(health: Mapping[str, Any]) -> list[Node]:
    """Return the health categories with their labels, and their table once."""
    nodes = {
        node["@id"]: node
        for code in health["categories"]
        for node in concept(f"{CATEGORIES}/{code}", LABELS[code])
    }
    return list(nodes.values())


def contact_point(contact: str) -> Node:
    """Return where an organisation can be asked: an e-mail address, or a page."""
    if contact.startswith("http"):
        return {"@type": "cv:ContactPoint", "cv:contactPage": {"@id": contact}}
    return {"@type": "cv:ContactPoint", "cv:email": contact}


def count(value: int) -> dict[str, str]:
    """Return a number of things."""
    return {"@type": "xsd:nonNegativeInteger", "@value": str(value)}
