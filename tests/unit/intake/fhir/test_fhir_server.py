"""Downloads from a FHIR server of the tests' own: what becomes files, what is refused, with no patient in a word."""

import datetime
import email.utils
import gzip
import ipaddress
import json
import ssl
import tracemalloc

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fhir_server import Answer, serving

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.intake.fhir import connection, server
from avatarflow.intake.fhir.download import ask, download
from avatarflow.intake.fhir.resources import read_resources
from avatarflow.intake.fhir.server import Server, read_server, url_problem
from avatarflow.intake.fhir.uses import Place, digest_of, files_of, last, remove
from avatarflow.intake.sources.labels import read_known

SECRET = "CANARYZQX"
TOKEN = f"{SECRET}.token"
DEFAULTS = {"token_file": None, "ca_file": None, "page_size": 2, "timeout_s": 5.0, "retries": 5,
            "max_pages": 10, "max_resources": 100}  # fmt: skip


def patient(number, **more):
    value = f"{SECRET}-{number}"
    return {
        "resourceType": "Patient",
        "id": value,
        "identifier": [{"system": "urn:mrn", "value": value}],
        "gender": "female",
        **more,
    }


PATIENTS = [patient(number) for number in range(5)]


def known(host, **more):
    numbers = {key: DEFAULTS[key] for key in list(DEFAULTS)[2:]}
    return Server("hospital", host.url, **{**numbers, **more})


class Fetched:
    """One download: its files, the waits between its tries, and all that was said."""

    def __init__(self, folder, of, searches=("Patient",)):
        self.folder, self.waits, self.said = folder / "state" / "labels", [], []
        self.error = ""
        try:
            self.files = download(of, searches, self.folder, self.said.append, self.waits.append)
        except AvatarflowError as error:
            self.error = str(error)
        self.said.append(self.error)
        assert SECRET not in "\n".join(self.said)

    def refused(self, words):
        """Whether it was refused in these words, and nothing is left of it."""
        assert words in self.error
        where, _, rest = self.error.partition(": ")
        assert where.startswith("FHIR server hospital, ")
        assert rest.count("; ") == 1
        assert list(self.folder.parent.glob("*")) == []
        return True


def test_pages_become_files_that_the_reader_takes(tmp_path):
    conditions = [
        {
            "resourceType": "Condition",
            "id": f"c{number}",
            "subject": {"reference": f"Patient/{SECRET}-{number}"},
        }
        for number in range(3)
    ]
    with serving(*PATIENTS, *conditions) as host:
        asked = ("Patient?_lastUpdated=ge2020", "Condition?code=urn:x|a b")
        fetched = Fetched(tmp_path, known(host, token=TOKEN), asked)
        paths = [path for path, _ in host.asked]
    assert paths[:2] == ["/fhir/metadata", "/fhir/Patient?_lastUpdated=ge2020&_count=2"]
    assert paths[4] == "/fhir/Condition?code=urn:x%7Ca%20b&_count=2"
    assert len(paths) == 1 + 3 + 2
    assert {headers["Authorization"] for _, headers in host.asked} == {f"Bearer {TOKEN}"}
    read = list(read_resources(fetched.files, ("Patient", "Condition"), "FHIR file"))
    assert [one.content for one in read] == [*PATIENTS, *conditions]
    assert [one.where for one in read][:2] == ["FHIR file 1, Patient 1", "FHIR file 1, Patient 2"]
    assert fetched.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in fetched.folder.iterdir()} == {0o600}
    assert fetched.said[0] == "FHIR server hospital, search 1 (Patient): 5 resources"
    assert not fetched.waits


def test_names_on_the_server_are_kept_for_references_by_them(tmp_path):
    with serving(patient(1)) as host:
        host.resources.append(
            {
                "resourceType": "Condition",
                "id": "c",
                "subject": {"reference": f"{host.url}/Patient/{SECRET}-1"},
                "code": {"coding": [{"system": "urn:x", "code": "a"}]},
            }
        )
        files = Fetched(tmp_path, known(host), ("Patient", "Condition")).files
    settings = {"identifier_system": "urn:mrn", "diagnoses": {"a": ["urn:x|a"]}}
    assert set(read_known(files, settings).of(f"{SECRET}-1").diagnoses) == {"a"}


def test_what_is_found_beside_matches_and_pages_without_any(tmp_path):
    def edit(bundle, page):
        if page == 1:
            warning = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]}
            organization = {"resourceType": "Organization", "id": "o"}
            bundle["entry"] += [
                {"resource": warning, "search": {"mode": "outcome"}},
                {"resource": organization, "search": {"mode": "include"}},
            ]
        if page == 2:  # some servers filter a page after they have cut it
            bundle["entry"] = []
        return {**bundle, "total": None}

    with serving(*PATIENTS) as host:
        host.edit = edit
        fetched = Fetched(tmp_path, known(host))
    assert fetched.said[0].endswith("4 resources; 1 times the server warned of something")
    kinds = [one.kind for one in read_resources(fetched.files, ("Organization", "Patient"), "f")]
    assert kinds == ["Patient", "Patient", "Organization", "Patient"]


def in_an_hour():
    return email.utils.format_datetime(
        datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    )


HALF = Answer(body=b'{"resourceType": "Bun', announced=1000)
ZIPPED = {"Content-Encoding": "gzip"}
HALF_ZIPPED = Answer(body=gzip.compress(b"[" * 99)[:-9], headers=ZIPPED)


@pytest.mark.parametrize(
    ("queue", "waits"),
    [
        ([Answer(429, headers={"Retry-After": "7"})], [7.0]),
        ([Answer(429, headers={"Retry-After": "99999"})], [120.0]),
        ([Answer(503, headers={"Retry-After": in_an_hour()})], [120.0]),
        ([Answer(503, headers={"Retry-After": "soon"})], [1.0]),
        ([Answer(500), Answer(502), Answer(504), HALF, HALF_ZIPPED], [1.0, 2.0, 4.0, 8.0, 16.0]),
    ],
)
def test_what_may_pass_is_tried_again(tmp_path, queue, waits):
    with serving(*PATIENTS) as host:
        host.queue = list(queue)
        fetched = Fetched(tmp_path, known(host))
    assert not fetched.error
    assert fetched.waits == waits
    # what one page has used up is not missing to the next
    assert len(host.asked) == len(waits) + 1 + 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(500), "status 500, 4 times"),
        (Answer(429, headers={"Retry-After": "1"}), "status 429, 4 times"),
        (HALF, "an answer that broke off, or is none of HTTP, 4 times"),
    ],
)
def test_tries_end(tmp_path, answer, words):
    with serving(*PATIENTS) as host:
        host.queue = [answer] * 9
        fetched = Fetched(tmp_path, known(host, retries=3))
    assert fetched.refused(words)
    assert len(host.asked) == 4
    assert len(fetched.waits) == 3


def test_nobody_listens(tmp_path):
    with serving() as host:
        pass
    fetched = Fetched(tmp_path, known(host, retries=1))
    assert fetched.refused("FHIR server hospital, metadata: nobody listens there, 2 times")


def test_a_silent_server_is_not_waited_for(tmp_path):
    with serving() as host:
        host.queue = [Answer(body=b"{", announced=9, hold_s=1.0)]
        fetched = Fetched(tmp_path, known(host, retries=0, timeout_s=0.2))
    assert fetched.refused("no answer in time, 1 times")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "status 401, the token is missing, or not accepted; renew the token file"),
        (403, "status 403, the token does not permit this"),
        (404, "status 404, it has no answer"),
        (302, "status 302, a redirect, which is not followed"),
    ],
)
def test_what_no_later_try_mends_is_refused_at_once(tmp_path, status, words):
    with serving(*PATIENTS) as other, serving() as host:
        host.queue = [Answer(status, SECRET.encode(), {"Location": f"{other.url}/metadata"})]
        assert Fetched(tmp_path, known(host, token=TOKEN)).refused(words)
    assert len(host.asked) == 1
    assert not other.asked


@pytest.mark.parametrize("version", ["3.0.2", "4.1.0", "4.3.0", "5.0.0", "4.0", None, 4])
def test_another_version_of_fhir_is_refused(tmp_path, version):
    with serving(*PATIENTS) as host:
        host.version = version
        assert Fetched(tmp_path, known(host)).refused("metadata: a version of FHIR other than 4.0")


def test_what_is_no_fhir_server_is_refused(tmp_path):
    with serving() as host:
        host.queue = [Answer(body=b'{"resourceType": "Bundle", "fhirVersion": "4.0.1"}')]
        assert Fetched(tmp_path, known(host)).refused("no CapabilityStatement")
        host.queue = [Answer(body=f"<html>{SECRET}</html>".encode())]
        assert Fetched(tmp_path, known(host)).refused("no JSON object, damaged, or cut off")


def with_next(url):
    def edit(bundle, page):
        return {**bundle, "link": [{"relation": " Next", "url": url}]}

    return edit


@pytest.mark.parametrize(
    "link",
    [
        "{other}/Patient?_count=2",
        "https://127.0.0.1:{port}/fhir/Patient",
        "http://localhost:{port}/fhir/Patient",
        "http://127.0.0.1:{port}/fhirs/Patient",
        "http://127.0.0.1:{port}/fhir/../admin",
        "http://127.0.0.1:{port}/fhir/%2e%2e/admin",
        "http://127.0.0.1:{port}/admin",
        "http://a@127.0.0.1:{port}/fhir/Patient",
        "//[::1/fhir/Patient",
        "/fhir/Patient with a blank",
        "file:///fhir/Patient",
    ],
)
def test_a_next_page_elsewhere_is_not_asked_for(tmp_path, link):
    with serving(*PATIENTS) as other, serving(*PATIENTS) as host:
        host.edit = with_next(link.format(other=other.url, port=host.server_address[1]))
        fetched = Fetched(tmp_path, known(host, token=TOKEN))
    assert fetched.refused("page 1: a next page on another server")
    assert not other.asked
    assert len(host.asked) == 2


@pytest.mark.parametrize("link", ["Patient?_count=2&_first=2", "/fhir?page=2#x", "?_first=2"])
def test_a_next_page_may_be_relative(link):
    inside = Server("x", "https://h.example/fhir").inside
    address = inside("https://h.example/fhir/Patient?_count=2", link)
    assert address.startswith("https://h.example/fhir")
    assert "#" not in address


def test_pages_end(tmp_path):
    with serving(*PATIENTS) as host:
        host.edit = with_next("Patient?_count=2")
        assert Fetched(tmp_path, known(host)).refused("page 1: a next page that was read before")
        numbers = iter(range(10**6))

        def endless(bundle, page):
            number = next(numbers)
            link = {"relation": "next", "url": f"Patient?_count=2&at={number}"}
            return {
                **bundle,
                "total": None,
                "entry": [{"resource": patient(number)}],
                "link": [link],
            }

        host.edit = endless
        assert Fetched(tmp_path, known(host)).refused("page 11: more than 10 pages")
        few = known(host, max_resources=3)
        assert Fetched(tmp_path, few).refused("page 4: more than 3 resources")


def first(**more):
    """Change the first page's Bundle."""
    return lambda bundle, page: {**bundle, **more} if page == 1 else bundle


def entry(**more):
    """Change the first entry of the second page."""

    def edit(bundle, page):
        if page == 2:
            bundle["entry"][0] = {**bundle["entry"][0], **more}
        return bundle

    return edit


def error(**more):
    return {"resourceType": "OperationOutcome", "issue": [{"diagnostics": SECRET, **more}]}


PARTIAL = {
    "tag": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
            "code": "SUBSETTED",
        }
    ]
}
PAGE_2 = "search 1 (Patient), page 2, entry 1: "


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (first(type="collection"), "page 1: no Bundle of type searchset"),
        (first(resourceType="Patient"), "page 1: no Bundle of type searchset"),
        (first(entry={}), "a Bundle that does not fit FHIR R4"),
        (first(link=[{"url": "x"}]), "a link that does not fit FHIR R4"),
        (first(link=[{"relation": "next", "url": "Patient?_count=2&_first=2"}] * 2), "several"),
        (first(total=6), "page 2: another total than on a page before"),
        (first(total=True), "page 1: a total that is no number"),
        (lambda bundle, page: {**bundle, "total": 4}, "5 resources, and a total of 4"),
        (lambda bundle, page: {**bundle, "total": 6}, "5 resources, and a total of 6"),
        (lambda bundle, page: {**bundle, "total": 0, "entry": [], "link": []}, "it found nothing"),
        (entry(resource={"resourceType": "Condition", "id": SECRET}), f"{PAGE_2}a resource of ano"),
        (entry(resource={"resourceType": "Patient"}), f"{PAGE_2}a resource without an id"),
        (entry(resource=None), f"{PAGE_2}an entry without a resource"),
        (entry(search={"mode": "maybe"}), f"{PAGE_2}a search mode that FHIR R4 does not have"),
        (entry(resource=patient(2, meta=PARTIAL)), f"{PAGE_2}a resource of which parts are left"),
        (entry(resource=patient(0)), "search 1 (Patient): a resource on two pages"),
        (entry(resource=error(severity="error")), f"{PAGE_2}the server reports an error"),
        (entry(resource=error(severity="fatal")), f"{PAGE_2}the server reports an error"),
        (entry(resource={"resourceType": "OperationOutcome"}), "the server reports an error"),
        (entry(search={"mode": "outcome"}), f"{PAGE_2}the server reports an error"),
    ],
)
def test_a_page_that_says_something_else_is_refused(tmp_path, edit, words):
    with serving(*PATIENTS) as host:
        host.edit = edit
        assert Fetched(tmp_path, known(host)).refused(words)


def truncated(bundle, page):
    return Answer(body=json.dumps(bundle).encode()[:-1])


def twice(bundle, page):
    return Answer(body=json.dumps(bundle).replace('"type"', '"type": "searchset", "type"').encode())


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (truncated, "page 1: an answer that is no JSON object, damaged, or cut off"),
        (twice, "page 1: an answer that is no JSON object, damaged, or cut off"),
        (lambda *_: Answer(body=b""), "no JSON object"),
        (lambda *_: Answer(body=b"[" * 50_000), "no JSON object"),
        (lambda *_: Answer(headers={"Content-Encoding": "br"}, body=b"x"), "another compression"),
        (lambda *_: Answer(headers=ZIPPED, body=b"no gzip"), "page 1: a damaged gzip"),
        (lambda *_: Answer(headers=ZIPPED, body=gzip.compress(b"{}") * 2), "something behind"),
        (lambda *_: Answer(headers=ZIPPED, body=gzip.compress(b" " * 2**20)), "more than 0 MiB"),
        (lambda *_: Answer(body=b" " * 70_000), "an answer of more than 0 MiB"),
    ],
)
def test_an_answer_that_cannot_be_read_is_refused(tmp_path, monkeypatch, edit, words):
    monkeypatch.setattr(connection, "MOST_BYTES", 60_000)
    with serving(*PATIENTS) as host:
        host.edit = edit
        fetched = Fetched(tmp_path, known(host))
    assert fetched.refused(words)
    assert not fetched.waits


def test_a_gzip_is_not_unpacked_beyond_what_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "MOST_BYTES", 60_000)
    bomb = Answer(headers=ZIPPED, body=gzip.compress(b" " * 2**25))
    assert len(bomb.body) < connection.PIECE
    with serving(*PATIENTS) as host:
        host.edit = lambda *_: bomb
        tracemalloc.start()
        fetched = Fetched(tmp_path, known(host))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert fetched.refused("an answer of more than 0 MiB")
    assert peak < 2**22


def test_gzip_is_read(tmp_path):
    def zipped(bundle, page):
        return Answer(headers=ZIPPED, body=gzip.compress(json.dumps(bundle).encode()))

    with serving(*PATIENTS) as host:
        host.edit = zipped
        fetched = Fetched(tmp_path, known(host))
    assert len(list(read_resources(fetched.files, ("Patient",), "f"))) == 5


def test_a_download_that_fails_leaves_the_one_before(tmp_path):
    with serving(*PATIENTS) as host:
        files = Fetched(tmp_path, known(host)).files
        before = digest_of(files)
        host.edit = entry(resource=None)
        fetched = Fetched(tmp_path, known(host))
    assert fetched.error
    assert digest_of(files) == before
    assert [path.name for path in fetched.folder.parent.iterdir()] == ["labels"]


def test_memory_does_not_grow_with_the_pages(tmp_path):
    peaks = []
    for n_patients in (100, 2000):
        with serving(*map(patient, range(n_patients))) as host:
            of = known(host, page_size=50, max_pages=100, max_resources=10_000)
            tracemalloc.start()
            fetched = Fetched(tmp_path, of)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert not fetched.error
    assert peaks[1] < 2 * peaks[0]


def test_proxies_of_the_environment_are_not_used(tmp_path, monkeypatch):
    with serving(*PATIENTS) as proxy, serving(*PATIENTS) as host:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert not Fetched(tmp_path, known(host)).error
    assert not proxy.asked


def test_a_certificate_is_checked(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Nowhere")])
    begin, end = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2020, 2099))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, end)
    made = made.add_extension(address, critical=False)
    certificate = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = tmp_path / "server.pem"
    pem.write_bytes(certificate + key.private_bytes(serialization.Encoding.PEM, *form))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)
    with serving(*PATIENTS, tls=tls) as host:
        settings = {**DEFAULTS, "url": host.url}
        fetched = Fetched(tmp_path, read_server("hospital", settings))
        assert fetched.refused("a certificate that is not trusted, or another host's")
        assert not fetched.waits
        assert not host.asked
        trusting = read_server("hospital", {**settings, "ca_file": str(pem)})
        assert not Fetched(tmp_path, trusting).error


def test_the_token_is_read_from_its_owners_file_alone(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    settings = {**DEFAULTS, "url": "https://h.example/fhir/", "token_file": str(path)}
    path.chmod(0o640)
    with pytest.raises(AvatarflowError, match=r"hospital\.token_file: others .+ \(mode 0640\)"):
        read_server("hospital", settings)
    path.chmod(0o600)
    one = read_server("hospital", settings)
    assert (one.token, one.url) == (TOKEN, "https://h.example/fhir")
    assert one.tls.verify_mode == ssl.CERT_REQUIRED
    assert one.tls.check_hostname
    assert TOKEN not in f"{one!r} {one}"
    for text in ("", f"{TOKEN} {TOKEN}", f"{TOKEN}\nX-Other: 1", "tökén"):
        path.write_text(text)
        with pytest.raises(AvatarflowError, match="more than one word") as caught:
            read_server("hospital", settings)
        assert SECRET not in str(caught.value)
    inside = tmp_path / "work" / "token"
    for where, words in ((inside, "it lies in the working dir"), (tmp_path / "no", "no such")):
        inside.touch(0o600)
        with pytest.raises(AvatarflowError, match=words):
            read_server("hospital", {**settings, "token_file": str(where)})
    both = {**settings, "token_file": str(tmp_path / "no"), "ca_file": str(path)}
    with pytest.raises(AvatarflowError, match=r"(?s)no such file.+no certificates in PEM"):
        read_server("hospital", both)


@pytest.mark.parametrize(
    ("url", "is_fit"),
    [
        ("https://h.example/fhir", True),
        ("https://h.example:8443", True),
        ("http://127.0.0.1:8080/fhir", True),
        ("http://localhost/fhir", True),
        ("http://[::1]:80/fhir", True),
        ("http://h.example/fhir", False),
        ("http://127.0.0.1.h.example/fhir", False),
        ("ftp://h.example/fhir", False),
        ("https://user:word@h.example/fhir", False),
        ("https://h.example/fhir?a=b", False),
        ("https://h.example/fhir#a", False),
        ("https://h.example/a/../fhir", False),
        ("https://h.example:port/fhir", False),
        ("https://[::1/fhir", False),
        ("https:///fhir", False),
        ("https://h.example/f hir", False),
        ("h.example/fhir", False),
        ("", False),
    ],
)
def test_urls(url, is_fit):
    assert (url_problem(url) is None) == is_fit


def test_a_change_of_what_is_held_is_noticed_and_another_order_is_not(tmp_path):
    def digest(*lines):
        (tmp_path / "a").write_text("".join(f"{line}\n" for line in lines))
        return digest_of([str(tmp_path / "a")])

    assert digest(1, 2, 3) == digest(3, 1, 2)
    assert len({digest(1, 2), digest(1, 2, 2), digest(1, 3), digest(1), digest(12)}) == 5


def test_intake_takes_what_the_plan_has_asked_for_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = Place("eyes", "labels")
    with serving(*PATIENTS) as host:
        assert last(host.url, ["Patient"], place)["content"] == ""
        asked = ask(known(host), ["Patient"], place, lambda _: None)
        assert last(f"{host.url}/", ["Patient"], place) == asked
        assert last(host.url, ["Patient", "Condition"], place)["content"] == ""
        assert last("https://h.example/fhir", ["Patient"], place)["content"] == ""
    assert SECRET not in place.record.read_text()
    assert files_of({"labels": asked}, "labels") == asked["files"]
    assert files_of({"labels": asked}, "consents") == []
    (tmp_path / asked["files"][0]).write_text("{}\n")
    with pytest.raises(AvatarflowError, match="gone, or not those of this run; start the run"):
        files_of({"labels": asked}, "labels")
    remove({"labels": asked})
    assert not place.folder.exists()
    with pytest.raises(AvatarflowError, match="gone, or not those of this run"):
        files_of({"labels": asked}, "labels")
    nothing = {"files": [], "content": ""}
    with pytest.raises(AvatarflowError, match="gone, or not those of this run"):
        files_of({"labels": nothing}, "labels")


def config(fhir=None, consent=None, **more):
    servers = {"hospital": {"url": "https://h.example/fhir"}}
    source = {"dicom": "d", "fhir": fhir}
    entry = {"source": source, "consent": {"acquired_column": "acquired"} | (consent or {})}
    entry |= {"gates": {}, "patient_id_columns": ["patient_id"]}
    return {"network_access": True, "fhir_servers": servers, "releases": {"eyes": entry}, **more}


def test_defaults_of_a_server():
    release = load(config({"server": "hospital"}, {"server": "hospital"}))
    assert release["fhir_servers"]["hospital"]["retries"] == 5
    entry = release["releases"]["eyes"]
    assert entry["source"]["fhir"]["searches"] == ["Patient", "Condition"]
    assert entry["consent"]["searches"] == ["Consent", "Patient"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (config({}), "source.fhir: found neither files nor a server"),
        (config({"server": "other"}), "source.fhir.server: no such server; there are hospital"),
        (config({"server": "hospital", "files": ["a"]}), "source.fhir.server: found beside files"),
        (config(None, {"server": "hospital", "files": ["a"]}), "consent.server: found beside"),
        (config(None, {"server": "hospital", "declared_by": "A"}), "declared_by: found beside"),
        (config(None, {"server": "hospital", "acquired_column": None}), "the day of the picture"),
        (config({"server": "hospital"}, network_access=False), "the network is not allowed; set"),
        (config({"server": "hospital", "searches": ["Patient?a=b&_elements=id"]}), "sets _elemen"),
        (config({"server": "hospital", "searches": ["Patient?_count=5"]}), "it sets _count"),
        (config({"server": "hospital", "searches": ["Consent"]}), "which has another form"),
        (config({"server": "hospital", "searches": ["Patient/1"]}), "which has another form"),
        (config(fhir_servers={"a": {"url": "http://h.example"}}), "http, which is not encrypted"),
        (config(fhir_servers={"a": {"url": "https://a", "token_file": "t"}}), "token_file"),
    ],
)
def test_a_configuration_that_cannot_be_meant(given, words):
    with pytest.raises(AvatarflowError) as caught:
        load(given)
    assert words in str(caught.value)


def test_the_ports_that_a_url_does_not_say():
    inside = Server("x", "https://h.example/fhir").inside
    assert inside("https://h.example/fhir/a", "https://H.example:443/fhir/b")
    assert inside("https://h.example/fhir/a", "https://h.example:8443/fhir/b") is None
    assert server.PORTS == {"http": 80, "https": 443}
