"""One call of an OpenAI-compatible endpoint. Heavy to import (about 40 MB), so ``asking`` loads it on first use.

The client never retries by itself and follows no redirect; addresses are checked where the connection is made.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import openai
from openai.types.chat import ChatCompletion

from automation.enums import FailureKind
from automation.llm.base import Endpoint, EndpointUnwell, ModelFailed, Prompt, Reply, Usage
from outreach.lib import net

# Below, it writes whole prompts into the log.
logging.getLogger("openai").setLevel(logging.WARNING)

# Nothing left this machine: the endpoint cannot have charged anything.
NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "quota_exceeded"})
FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"})
KINDS = {401: FailureKind.KEY, 402: FailureKind.BUDGET, 403: FailureKind.KEY, 429: FailureKind.RATE}
LONGEST_DETAIL = 300


def ask(endpoint: Endpoint, model: str, prompt: Prompt) -> Reply:
    """The model's whole answer, within ``endpoint.seconds``. Raises :class:`ModelFailed`.

    Temperature is 0, so that the same question has the same answer as far as the endpoint can.
    """
    client = openai.OpenAI(
        api_key=endpoint.key or "none",  # endpoints without keys take any
        base_url=endpoint.url,
        max_retries=0,
        timeout=endpoint.seconds,
        http_client=net.shared_client(endpoint.url),  # type: ignore[arg-type]  # it takes httpx's too
        organization="",
        project="",
    )
    try:
        with net.deadline(endpoint.seconds):
            completion = client.chat.completions.create(**_arguments(endpoint, model, prompt))
    except openai.APIStatusError as error:
        raise _refused_by_status(error, endpoint) from None
    except net.ForbiddenAddress as error:
        raise ModelFailed(FailureKind.REQUEST, str(error)) from None
    except openai.APIConnectionError as error:
        raise _not_connected(error) from None
    except (openai.OpenAIError, ValueError, httpx.HTTPError) as error:
        # An answer that is no JSON, or no completion: it may have been charged.
        raise EndpointUnwell(
            FailureKind.NETWORK, f"The answer cannot be read: {type(error).__name__}.", charged=None
        ) from None
    return _reply(completion)


def _arguments(endpoint: Endpoint, model: str, prompt: Prompt) -> dict[str, Any]:
    system = prompt.system
    given: dict[str, Any] = {"model": model, "temperature": 0, endpoint.length_name: prompt.longest}
    if endpoint.answer_form == "json_schema":
        schema = {"name": "answer", "schema": prompt.schema, "strict": True}
        given["response_format"] = {"type": "json_schema", "json_schema": schema}
    else:
        system = f"{system}\n\nAnswer with one JSON object of this JSON schema and nothing else:\n{json.dumps(prompt.schema)}"
        if endpoint.answer_form == "json_object":
            given["response_format"] = {"type": "json_object"}
    messages = [{"role": "system", "content": system}, {"role": "user", "content": prompt.user}]
    return {**given, "messages": messages}


def _reply(completion: ChatCompletion) -> Reply:
    usage = _usage(completion)
    choice = completion.choices[0] if getattr(completion, "choices", None) else None
    message = getattr(choice, "message", None)
    if choice is None or message is None:
        raise ModelFailed(FailureKind.NONSENSE, "The answer has no message.", usage=usage, charged=True)
    if getattr(message, "refusal", None) or choice.finish_reason == "content_filter":
        said = str(message.refusal or "its content filter stopped it")[:LONGEST_DETAIL]
        raise ModelFailed(FailureKind.REFUSAL, f"The model refused: {said}", usage=usage, charged=True)
    if choice.finish_reason == "length":
        raise ModelFailed(
            FailureKind.CUT_OFF,
            f"The answer was cut off after {usage.tokens_out} tokens.",
            usage=usage,
            charged=True,
        )
    if not isinstance(message.content, str) or not message.content.strip():
        raise ModelFailed(FailureKind.NONSENSE, "The answer is empty.", usage=usage, charged=True)
    return Reply(message.content, usage)


def _usage(completion: ChatCompletion) -> Usage:
    """What the endpoint says it counted; nothing where it does not say, then the reservation counts."""
    found = getattr(completion, "usage", None)
    tokens_in, tokens_out = getattr(found, "prompt_tokens", None), getattr(found, "completion_tokens", None)
    if not isinstance(tokens_in, int) or not isinstance(tokens_out, int) or min(tokens_in, tokens_out) < 0:
        return Usage()
    return Usage(tokens_in, tokens_out)


def _refused_by_status(error: openai.APIStatusError, endpoint: Endpoint) -> ModelFailed:
    status, code = error.status_code, str(getattr(error, "code", "") or "")
    detail = f"{status}: {_said(error, endpoint)}"
    if code in QUOTA_CODES:
        return ModelFailed(FailureKind.BUDGET, f"The endpoint's own quota is used up. {detail}")
    if code in FILTER_CODES:
        return ModelFailed(FailureKind.REFUSAL, f"The endpoint's filter refused it. {detail}")
    if status in KINDS:
        return ModelFailed(KINDS[status], detail, retry_after=_retry_after(error))
    if status >= 500 or status == 408:
        return EndpointUnwell(FailureKind.SERVER, detail, retry_after=_retry_after(error))
    return ModelFailed(FailureKind.REQUEST, detail)


def _not_connected(error: openai.APIConnectionError) -> EndpointUnwell:
    cause = error.__cause__
    if isinstance(cause, NEVER_LEFT):
        return EndpointUnwell(FailureKind.NETWORK, f"The endpoint was not reached: {cause}"[:LONGEST_DETAIL])
    what = "took too long" if isinstance(error, openai.APITimeoutError) else "broke off"
    return EndpointUnwell(
        FailureKind.NETWORK,
        f"The answer {what} ({type(cause).__name__}); it may have been charged.",
        charged=None,
    )


def _said(error: openai.APIStatusError, endpoint: Endpoint) -> str:
    """The endpoint's own words, without our key, should it repeat it."""
    body = error.body
    said = body.get("message") if isinstance(body, dict) else None
    text = " ".join(str(said or error.message).split())
    if endpoint.key:
        text = text.replace(endpoint.key, "***")
    return text[:LONGEST_DETAIL]


def _retry_after(error: openai.APIStatusError) -> float | None:
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 86_400 else None
