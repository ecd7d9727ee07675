"""The page of orders to close, where operators place, approve and withdraw them. The session names the operator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from allive.dashboards.access import Role
from allive.dashboards.access.accounts import operator_of
from allive.dashboards.access.grants import find_grant
from allive.dashboards.access.store import Store
from allive.dashboards.addresses import ORDERS, PREFIX
from allive.dashboards.formatting import instant
from allive.dashboards.gate.pages import Field, Form, Page, Section, respond
from allive.dashboards.gate.requests import Forms, Site, language_of
from allive.dashboards.gate.routes import GateRoutes
from allive.dashboards.texts import Texts
from allive.ingestion.durable import LogBusyError
from allive.ingestion.home_format import FormatError
from allive.ingestion.settings import Settings
from allive.payouts import close_orders
from allive.payouts.close_orders import CloseOrder, OrderRefusal
from allive.payouts.months import is_month

_LONGEST_TEXT: Final = 500
_DONE: Final = ("ordered", "approved", "withdrawn")


@dataclass(frozen=True)
class OrderRoutes:
    """The handlers, with their store and data home."""

    settings: Settings
    store: Store
    site: Site
    own: GateRoutes

    def routes(self) -> list[BaseRoute]:
        """Return the routes; each looks up the session's operator."""
        return [
            Route(ORDERS, self.show, methods=["GET"]),
            Route(ORDERS, self.order, methods=["POST"]),
            Route(ORDERS + "/{order_id}/approve", self.approve, methods=["POST"]),
            Route(ORDERS + "/{order_id}/withdraw", self.withdraw, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the open orders and the form for a new one."""
        who = await self._operator(request)
        return who if isinstance(who, Response) else await self._page(request, who)

    async def order(self, request: Request) -> Response:
        """Order the close of a month."""
        who = await self._operator(request)
        if isinstance(who, Response):
            return who
        form = await Forms(self.store, self.site).read(request, "order")
        month, acknowledged = form.get("month", "").strip(), form.get("acknowledged", "").strip()
        texts = Texts("gate", language_of(request))
        if not is_month(month):
            return await self._page(request, who, form=form, month_error=texts("orders.no_month"), status=400)
        return await self._do(
            request,
            who,
            lambda: close_orders.order_close(
                self.settings, month, operator=who, origin="gate", acknowledged=acknowledged[:_LONGEST_TEXT]
            ),
            done="ordered",
            form=form,
        )

    async def approve(self, request: Request) -> Response:
        """Approve an order as the second person."""
        who = await self._operator(request)
        if isinstance(who, Response):
            return who
        order_id = request.path_params["order_id"]
        await Forms(self.store, self.site).read(request, f"approve {order_id}")
        return await self._do(
            request,
            who,
            lambda: close_orders.approve_close(self.settings, order_id, operator=who),
            done="approved",
        )

    async def withdraw(self, request: Request) -> Response:
        """Withdraw an order."""
        who = await self._operator(request)
        if isinstance(who, Response):
            return who
        order_id = request.path_params["order_id"]
        form = await Forms(self.store, self.site).read(request, f"withdraw {order_id}")
        why = form.get("why", "").strip()[:_LONGEST_TEXT]
        if not why:
            texts = Texts("gate", language_of(request))
            return await self._page(request, who, alert=texts("orders.no_reason"), status=400)
        return await self._do(
            request,
            who,
            lambda: close_orders.withdraw_order(self.settings, order_id, operator=who, why=why),
            done="withdrawn",
        )

    async def _do(
        self,
        request: Request,
        who: str,
        act: Callable[[], object],
        *,
        done: str,
        form: Mapping[str, str] | None = None,
    ) -> Response:
        try:
            await run_in_threadpool(act)
        except OrderRefusal as refusal:
            texts = Texts("gate", language_of(request))
            return await self._page(request, who, alert=texts(f"orders.refused.{refusal.why}"), form=form, status=409)
        except LogBusyError:
            texts = Texts("gate", language_of(request))
            return await self._page(request, who, alert=texts("orders.unavailable.busy"), form=form, status=503)
        except FormatError:
            return self._newer_log(request)
        return RedirectResponse(f"{ORDERS}?done={done}", status_code=303)

    async def _operator(self, request: Request) -> str | Response:
        """Return the operator of the session, or the answer for a user who is not an operator."""
        session = await self.own.find_session(request)
        if session is None:
            return self.own.turn_away(request)
        grant = await run_in_threadpool(find_grant, self.store, issuer=session.issuer, subject=session.subject)
        if grant is None:
            return self.own.no_access(request, session)
        if grant.role is not Role.OPERATOR:
            return self.own.not_found(request)
        return await run_in_threadpool(operator_of, self.store, issuer=session.issuer, subject=session.subject)

    async def _page(
        self,
        request: Request,
        who: str,
        *,
        alert: str = "",
        form: Mapping[str, str] | None = None,
        month_error: str = "",
        status: int = 200,
    ) -> Response:
        texts = Texts("gate", language_of(request))
        forms = Forms(self.store, self.site)
        done = request.query_params.get("done", "")
        try:
            open_orders = await run_in_threadpool(close_orders.open_orders, self.settings)
        except FormatError:
            return self._newer_log(request)
        typed = form or {}
        page = Page(
            title=texts("orders.title"),
            lead=texts("orders.lead"),
            notice=texts(f"orders.done.{done}") if done in _DONE else "",
            alert=alert,
            form=Form(
                action=ORDERS,
                submit=texts("orders.submit"),
                hidden={"token": forms.token(request, "order")},
                fields=(
                    Field(
                        "month",
                        texts("orders.month"),
                        "month",
                        "off",
                        value=typed.get("month", ""),
                        hint=texts("orders.month_hint"),
                        error=month_error,
                    ),
                    Field(
                        "acknowledged",
                        texts("orders.acknowledged"),
                        "text",
                        "off",
                        value=typed.get("acknowledged", ""),
                        hint=texts("orders.acknowledged_hint"),
                        is_optional=True,
                    ),
                ),
            ),
            sections=tuple(self._section(request, texts, forms, order, who) for order in open_orders)
            or (Section(texts("orders.open"), texts("orders.none")),),
            links=((f"{PREFIX}/", texts("orders.orchestrator")), ("/", texts("home"))),
            footnote=texts("orders.signed_in", name=who),
        )
        response = respond(page, language_of(request), back=ORDERS, status=status)
        forms.seal(request, response)
        return response

    def _newer_log(self, request: Request) -> Response:
        texts = Texts("gate", language_of(request))
        page = Page(
            title=texts("orders.title"),
            lead=texts("orders.lead"),
            alert=texts("orders.unavailable.newer"),
            links=(("/", texts("home")),),
        )
        return respond(page, language_of(request), back=ORDERS, status=503)

    def _section(self, request: Request, texts: Texts, forms: Forms, order: CloseOrder, who: str) -> Section:
        language = language_of(request)
        facts = {
            texts("orders.ordered_by"): order.operator,
            texts("orders.ordered_at"): instant(datetime.fromisoformat(order.ordered_at), language),
            texts("orders.valid_until"): instant(order.valid_until, language),
            texts("orders.origin"): texts(f"orders.origins.{order.origin}"),
            texts("orders.acknowledged"): order.acknowledged or texts("orders.no_code"),
            texts("orders.number"): order.order_id[:12],
        }
        if order.approved_by or self.settings.second_person:
            facts[texts("orders.approved_by")] = order.approved_by or texts("orders.not_approved")
        actions = []
        may_approve = order.approved_by is None and not close_orders.is_same_person(order.operator, who)
        if self.settings.second_person and may_approve:
            actions.append(
                Form(
                    action=f"{ORDERS}/{order.order_id}/approve",
                    submit=texts("orders.approve"),
                    hidden={"token": forms.token(request, f"approve {order.order_id}")},
                )
            )
        why = Field("why", texts("orders.why"), "text", "off", id_suffix=f"-{order.order_id[:12]}")
        actions.append(
            Form(
                action=f"{ORDERS}/{order.order_id}/withdraw",
                submit=texts("orders.withdraw"),
                hidden={"token": forms.token(request, f"withdraw {order.order_id}")},
                fields=(why,),
            )
        )
        return Section(texts("orders.order", month=order.settlement_month), facts=facts, forms=tuple(actions))
