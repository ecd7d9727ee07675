"""Mutants of the gate: the orchestrator behind it, orders to close, invitations and limits on strangers."""

from typing import Final

from tests.mutants.mutant import Mutant

_ORDERS: Final = "payouts/close_orders.py"
_ORCHESTRATOR: Final = "dashboards/gate/orchestrator.py"
_SOCKETS: Final = "ingestion/sockets.py"
_AUDIT: Final = "dashboards/access/audit.py"

_ORDERS_TESTS: Final = "tests/unit/payouts/test_close_orders.py"
_ORCHESTRATOR_TESTS: Final = "tests/unit/dashboards/test_gate_orchestrator.py"
_STORE_TESTS: Final = "tests/unit/dashboards/test_gate_store.py"
_PAGE_TESTS: Final = "tests/unit/dashboards/test_gate_orders.py"
_SOCKET_TESTS: Final = "tests/unit/ingestion/test_sockets.py"
_COMMAND_TESTS: Final = "tests/unit/orchestration/test_access_commands.py"

ORDERS: Final = (
    Mutant(
        name="an_order_closes_twice",
        rule="§6 an order closes once",
        file=_ORDERS,
        before="    if standing.end == TAKEN_UP:",
        after='    if standing.end == "never":',
        killed_by=f"{_ORDERS_TESTS}::test_an_order_is_used_by_one_attempt",
    ),
    Mutant(
        name="a_line_that_came_too_late_counts",
        rule="§6 an order closes once",
        file=_ORDERS,
        before='    if line["sha256"] not in standing.counted:',
        after="    if not standing.counted:",
        killed_by=f"{_ORDERS_TESTS}::test_of_two_that_act_at_once_the_first_line_counts",
    ),
    Mutant(
        name="an_order_closes_any_month",
        rule="§6 an order is for one month",
        file=_ORDERS,
        before="        if order.settlement_month != month:",
        after="        if not month:",
        killed_by=f"{_ORDERS_TESTS}::test_an_order_closes_its_month_alone",
    ),
    Mutant(
        name="an_order_is_good_for_two_days",
        rule="§6 an order is good for 24 hours",
        file=_ORDERS,
        before="VALID_FOR: Final = timedelta(hours=24)",
        after="VALID_FOR: Final = timedelta(hours=48)",
        killed_by=f"{_ORDERS_TESTS}::test_an_order_is_good_for_a_day",
    ),
    Mutant(
        name="nobody_approves",
        rule="§6 if a second person is required, one has approved",
        file=_ORDERS,
        before="        if settings.second_person and order.approved_by is None:",
        after="        if settings.second_person and not order.operator:",
        killed_by=f"{_ORDERS_TESTS}::test_a_second_person_approves_once_and_both_are_on_record",
    ),
    Mutant(
        name="the_first_person_approves",
        rule="§6 the second person is not the first one",
        file=_ORDERS,
        before="        if is_same_person(operator, order.operator):",
        after="        if not operator:",
        killed_by=f"{_ORDERS_TESTS}::test_a_second_person_approves_once_and_both_are_on_record",
    ),
    Mutant(
        name="the_first_person_approves_in_the_log",
        rule="§6 the second person is not the first one",
        file=_ORDERS,
        before="        return self.order.approved_by is not None or is_same_person(operator, self.order.operator)",
        after="        return self.order.approved_by is not None",
        killed_by=(f"{_ORDERS_TESTS}::test_an_approval_by_the_same_person_that_stands_in_the_log_counts_for_nothing"),
    ),
    Mutant(
        name="a_withdrawn_order_closes",
        rule="§6 a withdrawn order is no longer valid",
        file=_ORDERS,
        before="    if standing.end == WITHDRAWN:",
        after='    if standing.end == "never":',
        killed_by=f"{_ORDERS_TESTS}::test_a_withdrawn_order_is_over",
    ),
    Mutant(
        name="the_calendar_is_not_asked",
        rule="§6 months close in order, once they are over",
        file=_ORDERS,
        before="    if reasons:\n        raise OrderRefusal(",
        after="    if not month:\n        raise OrderRefusal(",
        killed_by=f"{_ORDERS_TESTS}::test_what_the_calendar_forbids_is_not_ordered",
    ),
    Mutant(
        name="the_operator_is_a_text_field",
        rule="§6 the operator is the account that is signed in",
        file="dashboards/gate/orders.py",
        before='operator=who, origin="gate"',
        after='operator=form.get("operator", who), origin="gate"',
        killed_by=f"{_PAGE_TESTS}::test_an_order_is_given_by_whom_the_session_names",
    ),
    Mutant(
        name="anybody_orders",
        rule="§6 orders are for operators",
        file="dashboards/gate/orders.py",
        before="        if grant.role is not Role.OPERATOR:",
        after="        if grant.role is Role.ARTIST:",
        killed_by=f"{_PAGE_TESTS}::test_the_page_is_for_operators",
    ),
    Mutant(
        name="the_last_year_of_all",
        rule="INTERFACES.md, Commands: messages say what was expected",
        file="payouts/months.py",
        before="(?!0000|9999)[0-9]{4}",
        after="[0-9]{4}",
        killed_by="tests/unit/dashboards/test_gate_orders.py::test_what_is_no_month_is_told_at_the_field",
    ),
)

ORCHESTRATOR: Final = (
    Mutant(
        name="the_origin_is_not_asked",
        rule="docs/security.md: mutations come from our own pages",
        file=_ORCHESTRATOR,
        before="        if not self._site.has_our_origin(request) or not is_of_our_page(request):",
        after="        if not is_of_our_page(request):",
        killed_by=f"{_ORCHESTRATOR_TESTS}::test_without_an_origin_nothing_is_asked",
    ),
    Mutant(
        name="what_the_browser_says_is_not_asked",
        rule="docs/security.md: mutations come from our own pages",
        file="dashboards/gate/requests.py",
        before='    return all(site == "same-origin" for',
        after='    return any(site != "" for',
        killed_by=f"{_ORCHESTRATOR_TESTS}::test_what_another_site_can_send_does_not_pass",
    ),
    Mutant(
        name="any_body_is_json",
        rule="docs/security.md: GraphQL requests are JSON",
        file=_ORCHESTRATOR,
        before='.strip().lower() != "application/json":',
        after='.strip().lower() == "":',
        killed_by=f"{_ORCHESTRATOR_TESTS}::test_what_another_site_can_send_does_not_pass",
    ),
    Mutant(
        name="any_role_operates",
        rule="docs/security.md: only operators use the orchestrator",
        file=_ORCHESTRATOR,
        before="        if grant.role is not Role.OPERATOR:",
        after="        if grant.role is Role.ARTIST:",
        killed_by=f"{_ORCHESTRATOR_TESTS}::test_nobody_else_reaches_it",
    ),
    Mutant(
        name="any_role_listens",
        rule="docs/security.md: only operators use the orchestrator",
        file=_ORCHESTRATOR,
        before="            grant.role is not Role.OPERATOR\n            or _PROTOCOL",
        after="            grant.role is Role.ARTIST\n            or _PROTOCOL",
        killed_by=f"{_ORCHESTRATOR_TESTS}::test_nobody_else_reaches_it",
    ),
    Mutant(
        name="a_demoted_operator_listens_on",
        rule="docs/security.md: a websocket closes when its user loses access",
        file=_ORCHESTRATOR,
        before="        return grant is not None and grant.role is Role.OPERATOR",
        after="        return grant is not None",
        killed_by=f"{_ORCHESTRATOR_TESTS}::test_a_websocket_is_closed_with_the_right_to_it",
    ),
    Mutant(
        name="a_websocket_of_another_site",
        rule="docs/security.md: websockets come from our own pages",
        file="dashboards/gate/middleware.py",
        before="            and self._site.has_our_origin(connection)\n",
        after="",
        killed_by=f"{_ORCHESTRATOR_TESTS}::test_another_sites_page_opens_no_websocket",
    ),
    Mutant(
        name="mutations_by_the_websocket",
        rule="docs/security.md: mutations are sent by POST",
        file=_ORCHESTRATOR,
        before='    if _MUTATION.search(asked["query"]):\n        raise',
        after='    if not asked["query"]:\n        raise',
        killed_by=f"{_ORCHESTRATOR_TESTS}::test_another_message_closes_the_websocket",
    ),
    Mutant(
        name="a_get_of_graphql",
        rule="docs/security.md: GraphQL accepts POST only",
        file=_ORCHESTRATOR,
        before='"/report_asset", "/graphql", ',
        after='"/report_asset", ',
        killed_by=f"{_ORCHESTRATOR_TESTS}::test_graphql_is_asked_by_post_alone",
    ),
    Mutant(
        name="cookies_pass",
        rule="docs/security.md: the orchestrator receives no cookie",
        file=_ORCHESTRATOR,
        before='"if-none-match", "if-range", "range"}',
        after='"if-none-match", "if-range", "range", "cookie"}',
        killed_by=f"{_ORCHESTRATOR_TESTS}::test_the_orchestrator_learns_nothing_that_a_client_says_of_itself",
    ),
    Mutant(
        name="a_body_without_end",
        rule="docs/security.md: a request body has a size limit",
        file=_ORCHESTRATOR,
        before="                if len(body) > LONGEST_BODY:",
        after="                if not body:",
        killed_by=f"{_ORCHESTRATOR_TESTS}::test_a_body_has_a_bound_and_a_time",
    ),
    Mutant(
        name="a_change_leaves_no_record",
        rule="docs/security.md: each change is recorded with its author",
        file=_ORCHESTRATOR,
        before='        if _MUTATION.search(asked["query"]):\n            await',
        after='        if not asked["query"]:\n            await',
        killed_by=f"{_ORCHESTRATOR_TESTS}::test_a_change_is_on_record_with_who_made_it",
    ),
    Mutant(
        name="others_enter_the_folder",
        rule="docs/security.md: sockets are in a folder with mode 0700",
        file=_SOCKETS,
        before="stat.S_IMODE(found.st_mode) == 0o700",
        after="stat.S_IMODE(found.st_mode) != 0o777",
        killed_by=f"{_SOCKET_TESTS}::test_a_folder_that_others_may_enter_is_refused",
    ),
    Mutant(
        name="a_path_too_long_for_a_socket",
        rule="docs/security.md: sockets are in a folder with mode 0700",
        file=_SOCKETS,
        before="_LONGEST_FOLDER: Final = 80",
        after="_LONGEST_FOLDER: Final = 800",
        killed_by=f"{_SOCKET_TESTS}::test_where_the_path_is_no_path_for_a_socket_it_lies_elsewhere",
    ),
)

GRANTS: Final = (
    Mutant(
        name="an_invitation_outlives_the_grant",
        rule="docs/security.md: revoking a grant withdraws open invitations",
        file="dashboards/access/revocation.py",
        before="invitations=withdraw_in(store, connection, emails, by=by),",
        after="invitations=withdraw_in(store, connection, [], by=by),",
        killed_by=f"{_STORE_TESTS}::test_a_revoked_grant_takes_open_invitations_along",
    ),
    Mutant(
        name="an_order_outlives_the_grant",
        rule="docs/security.md: revoking a grant withdraws open orders",
        file="orchestration/commands/access.py",
        before="for person in (order.operator, order.approved_by or",
        after="for person in (order.approved_by or",
        killed_by=f"{_COMMAND_TESTS}::test_revoking_a_grant_takes_everything_along",
    ),
    Mutant(
        name="a_get_accepts_an_invitation",
        rule="docs/security.md: only a submitted form replaces a grant",
        file="dashboards/gate/oidc.py",
        before="            return_to=flow.return_to if flow.invitation_hash is None else ACCEPTANCE,",
        after="            return_to=flow.return_to,",
        killed_by=f"{_PAGE_TESTS}::test_no_get_replaces_what_somebody_may_see",
    ),
    Mutant(
        name="strangers_fill_the_log",
        rule="docs/security.md: strangers cannot fill the audit log",
        file=_AUDIT,
        before="written.get(_ALL, 0) < bound.of_all and",
        after="written.get(_ALL, 0) >= 0 and",
        killed_by=f"{_STORE_TESTS}::test_refused_sign_ins_do_not_fill_the_log",
    ),
    Mutant(
        name="one_address_fills_the_log",
        rule="docs/security.md: one address cannot use up the lines of the others",
        file=_AUDIT,
        before='and written.get(f"={one}", 0) < bound.of_one',
        after='and written.get(f"={one}", 0) >= 0',
        killed_by=f"{_STORE_TESTS}::test_one_address_does_not_push_others_out_of_the_log",
    ),
    Mutant(
        name="what_was_left_out_is_not_told",
        rule="docs/security.md: the number of omitted lines is recorded",
        file=_AUDIT,
        before='where day < ? and left_out > 0 order by day, kind"',
        after='where day < ? and left_out < 0 order by day, kind"',
        killed_by=f"{_STORE_TESTS}::test_refused_sign_ins_do_not_fill_the_log",
    ),
    Mutant(
        name="failures_are_kept_for_ever",
        rule="docs/security.md: failed attempts are deleted after a time",
        file="dashboards/access/lockout.py",
        before="        _forget(connection, now=now)\n",
        after="",
        killed_by=f"{_STORE_TESTS}::test_failed_attempts_are_forgotten_and_bounded",
    ),
    Mutant(
        name="a_flood_opens_what_is_locked",
        rule="docs/security.md: locked addresses and accounts stay locked",
        file="dashboards/access/lockout.py",
        before="order by locked_until > ?, attempts, last_at limit ?",
        after="order by locked_until < ?, last_at limit ?",
        killed_by=f"{_STORE_TESTS}::test_failed_attempts_are_forgotten_and_bounded",
    ),
    Mutant(
        name="strangers_fill_the_log_file",
        rule="docs/security.md: strangers can cause at most 100 log lines per hour",
        file="dashboards/gate/sparing.py",
        before="            passes = self._seen <= AN_HOUR",
        after="            passes = self._seen > 0",
        killed_by="tests/unit/dashboards/test_gate_requests.py::test_strangers_do_not_fill_the_log_file",
    ),
    Mutant(
        name="no_word_of_the_proxy",
        rule="docs/security.md: a public address without a trusted proxy gives a warning",
        file="orchestration/commands/dashboards.py",
        before="    if settings.public_url and not settings.trusted_proxies.strip():",
        after="    if not settings.public_url and settings.trusted_proxies.strip():",
        killed_by=f"{_COMMAND_TESTS}::test_a_public_address_without_a_trusted_proxy_is_warned_of",
    ),
    Mutant(
        name="another_site_chooses_the_language",
        rule="docs/security.md: a GET from another site changes nothing",
        file="dashboards/gate/routes.py",
        before="        if code in {*Language} and is_of_our_page(request):",
        after="        if code in {*Language}:",
        killed_by=f"{_PAGE_TESTS}::test_another_site_does_not_choose_the_language",
    ),
)

MUTANTS: Final = (*ORDERS, *ORCHESTRATOR, *GRANTS)
