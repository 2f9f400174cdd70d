"""The application that asks readers: pages from the server, no script, nothing from elsewhere.

It reads the folder of shown pictures and the store, and never the key: it does not know which pictures are real.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, Request, Response
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import HTMLResponse, RedirectResponse

from .fields import MAX_BYTES, fields_of, missing, parse
from .pages import STYLE, Asked, Pages
from .store import MACHINES, Reader, Store
from .study import Question, Study

READER, LANGUAGE = "reader", "language"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form; longer ones than any of ours are read as empty."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            return {}
    return parse(body)


Form = Annotated[dict[str, str], Depends(_form)]


@dataclass(frozen=True)
class Place:
    """Where a reader is: the first question without an answer, and its number in its part (0 is the introduction)."""

    question: Question
    position: int
    number: int
    count: int


class Service:
    """What the routes do."""

    def __init__(self, study: Study, store: Store) -> None:
        self.study, self.store = study, store
        self.pages = Pages(study, store.made_by == MACHINES)

    def language(self, request: Request) -> str:
        """Return the language that the reader chose, else the study's first."""
        chosen = request.cookies.get(LANGUAGE, "")
        return chosen if chosen in self.study.languages else self.study.languages[0]

    def reader(self, request: Request) -> Reader | None:
        """Return whose cookie this is."""
        code = request.cookies.get(READER, "")
        return self.store.reader(code) if code else None

    def place(self, reader: Reader) -> Place | None:
        """Return where a reader is; None at the end. Nothing else is remembered, so that a break costs nothing."""
        answered = self.store.answered(reader)
        before: dict[str, int] = {}
        for position, question in enumerate(self.study.order(reader.order_seed)):
            number = before.setdefault(question.part, 0)
            before[question.part] += 1
            if question.identity not in answered:
                return Place(question, position, number, len(self.study.parts[question.part]))
        return None

    def start(self, request: Request, error: str = "", status: int = 200) -> HTMLResponse:
        """Return the first page: consent, or a code to go on with."""
        page = self.pages.fill("start", self.language(request), error=error, code="")
        return HTMLResponse(page, status)

    def message(
        self, request: Request, name: str, status: int = 200, link: str = "/study"
    ) -> HTMLResponse:
        """Return a page with one sentence."""
        reader = self.reader(request) if link != "/" else None
        code = written(reader.code) if reader else ""
        page = self.pages.fill(
            "message", self.language(request), message=name, link=link, code=code
        )
        return HTMLResponse(page, status)

    def current(self, request: Request) -> Response:
        """Return the page of the question that a reader is at, and note when it was shown."""
        reader = self.reader(request)
        if reader is None:
            return RedirectResponse("/", 303)
        place = self.place(reader)
        if place is None:
            return self.message(request, "done", link="/leave")
        self.store.note_shown(reader, place.question, time.time())
        return self._page(request, reader, place)

    def answer(self, request: Request, form: dict[str, str]) -> Response:
        """Store an answer to the question that the reader is at, and to no other."""
        now_s = time.time()
        reader = self.reader(request)
        if reader is None:
            return RedirectResponse("/", 303)
        place = self.place(reader)
        if place is None or form.get("question") != place.question.identity:
            return self.message(request, "answered", 409)
        fields = fields_of(self.study, place.question)
        lacking = missing(fields, form)
        if lacking:
            return self._page(request, reader, place, lacking, form)
        response = {field.name: form[field.name] for field in fields}
        if not self.store.add(reader, place.question, place.position, response, now_s):
            return self.message(request, "answered", 409)
        return RedirectResponse("/study", 303)

    def _page(
        self,
        request: Request,
        reader: Reader,
        place: Place,
        lacking: list[str] | None = None,
        form: dict[str, str] | None = None,
    ) -> HTMLResponse:
        asked = Asked(
            place.question,
            fields_of(self.study, place.question),
            place.number,
            place.count,
            lacking or (),
            form or {},
        )
        page = self.pages.question(self.language(request), asked, written(reader.code))
        return HTMLResponse(page, 422 if lacking else 200)

    def picture(self, request: Request, name: str) -> Response:
        """Return a picture of the question that the reader is at; all others are not there for them."""
        reader = self.reader(request)
        place = self.place(reader) if reader else None
        if place is None or name not in place.question.pictures:
            return Response(status_code=404)
        # no date of the file, no tag: both could tell in which order the files were written
        return Response(self.study.file(name).read_bytes(), media_type="image/png")


def written(code: str) -> str:
    """Return a code as it is shown: its last eight letters in two groups."""
    head = f"{code[:-8]}-" if code[:-8] else ""
    return f"{head}{code[-8:-4]}-{code[-4:]}"


def create_app(study: Study, store: Store) -> FastAPI:
    """Return the application of a study."""
    service = Service(study, store)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, title="reader study")
    # other names than this machine's own are refused: a foreign page could have its name lead here
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])

    @app.middleware("http")
    async def with_headers(
        request: Request, go_on: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await go_on(request)
        response.headers.update(HEADERS)
        return response

    _add_pages(app, service)
    _add_forms(app, service)
    return app


def _add_pages(app: FastAPI, service: Service) -> None:
    """Add what is looked at."""

    @app.get("/")
    def start(request: Request) -> Response:
        return service.start(request)

    @app.get("/code")
    def code(request: Request) -> Response:
        reader = service.reader(request)
        if reader is None:
            return RedirectResponse("/", 303)
        shown = written(reader.code)
        return HTMLResponse(service.pages.fill("code", service.language(request), code=shown))

    @app.get("/study")
    def current(request: Request) -> Response:
        return service.current(request)

    @app.get("/leave")
    def leave(request: Request) -> Response:
        return HTMLResponse(service.pages.fill("leave", service.language(request), code=""))

    @app.get("/picture/{name}")
    def picture(request: Request, name: str) -> Response:
        return service.picture(request, name)

    @app.get("/style.css")
    def style() -> Response:
        return Response(STYLE.read_bytes(), media_type="text/css")

    @app.exception_handler(404)
    @app.exception_handler(405)
    def unknown(request: Request, _: Exception) -> Response:
        return service.message(request, "unknown", 404)


def _add_forms(app: FastAPI, service: Service) -> None:
    """Add what changes something; the cookie is not sent along from other sites."""

    def remembered(key: str, value: str, target: str) -> Response:
        response = RedirectResponse(target, 303)
        response.set_cookie(key, value, httponly=True, samesite="strict", path="/")
        return response

    @app.post("/begin")
    def begin(request: Request, form: Form) -> Response:
        if form.get("consent") != "yes":
            return service.start(request, "error.consent", 422)
        return remembered(READER, service.store.new_reader().code, "/code")

    @app.post("/resume")
    def resume(request: Request, form: Form) -> Response:
        reader = service.store.reader(form.get("code", ""))
        if reader is None:
            return service.start(request, "error.code", 422)
        return remembered(READER, reader.code, "/study")

    @app.post("/answer")
    def answer(request: Request, form: Form) -> Response:
        return service.answer(request, form)

    @app.post("/language")
    def language(request: Request, form: Form) -> Response:
        target = "/study" if service.reader(request) else "/"
        chosen = form.get("language", "")
        known = chosen if chosen in service.study.languages else service.study.languages[0]
        return remembered(LANGUAGE, known, target)

    @app.post("/break")
    def pause(request: Request) -> Response:
        response = service.message(request, "paused", link="/")
        response.delete_cookie(READER)
        return response

    @app.post("/withdraw")
    def withdraw(request: Request, form: Form) -> Response:
        reader = service.reader(request)
        if reader is None or form.get("sure") != "yes":
            return RedirectResponse("/leave", 303)
        service.store.withdraw(reader)
        response = service.message(request, "gone", link="/")
        response.delete_cookie(READER)
        return response
