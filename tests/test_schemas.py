"""The published description of the wire, held against what the agent really sends and understands."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

import agent
from agent.store.record import meta_id
from agent.uplink.codes import meaning
from agent.uplink.consumer import InboundError, parse_ack, parse_request
from drivers.reading import Quality, Stream
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.sender import STATION, sending

FOLDER = Path(agent.__file__).parent / "schemas"
SCHEMAS: dict[str, Any] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
REGISTRY: Registry[Any] = Registry().with_resources(
    (f"{name}.json", Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)
ASYNCAPI = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text())
BASE = f"station/v1/{STATION}"


def validator(name: str) -> Draft202012Validator:
    """What checks messages of one kind."""
    return Draft202012Validator(SCHEMAS[name], registry=REGISTRY)


def kind(topic: str) -> str:
    """The schema for messages on *topic*."""
    level = topic.removeprefix(f"{BASE}/").split("/")[0]
    return {"data": "batch"}.get(level, level)


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_one_and_its_examples_are_right(name: str) -> None:
    """Examples are what people copy; no tool for AsyncAPI checks them."""
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["examples"]
    for example in SCHEMAS[name]["examples"]:
        validator(name).validate(example)


def test_all_messages_are_described() -> None:
    """A message without a description is one that nobody can implement."""
    assert set(SCHEMAS) == {"batch", "record", "event", "state", "meta", "ack", "replay", "reply"}


async def test_what_the_agent_sends_is_what_is_described(tmp_path: Path, broker: Mosquitto) -> None:
    """Every message of a life with all that can be sent in it."""
    with Consumer(broker.port) as consumer:
        async with sending(tmp_path / "log") as sender:
            words = SCHEMAS["meta"]["examples"][0]
            sender.recorder.dictionary(meta_id(words), words)
            for stream, example in ((Stream.MEASUREMENT, 0), (Stream.MEASUREMENT, 1), (Stream.PARAMETER, 2)):
                fields = copy.deepcopy(SCHEMAS["record"]["examples"][example])
                del fields["seq"], fields["time"]
                await sender.put(3, stream, **({"values": {}} | fields))
            sent = await sender.uplink(broker.url)
            await sender.put(2)
            await sender.delivered(sent)
            request = SCHEMAS["replay"]["examples"][0] | {"epoch": sender.recorder.epoch, "ranges": [[1, 3], [99, 99]]}
            consumer.publish(f"{BASE}/replay/province", json.dumps(request).encode())
            await consumer.until(lambda seen: bool(seen.on("*/replay") and seen.on("*/reply/*")))
        messages = [message for message in consumer.messages if message.topic.startswith(BASE)]
    seen = set()
    for message in messages:
        validator(kind(message.topic)).validate(json.loads(message.payload))
        seen.add(kind(message.topic))
    assert seen == {"batch", "state", "meta", "replay", "reply"}
    assert b'"online":false' in messages[-1].payload


@pytest.mark.parametrize(("name", "parse"), [("ack", parse_ack), ("replay", parse_request)])
def test_what_the_schema_allows_the_agent_understands(name: str, parse: Any) -> None:
    """And what it forbids is refused: two readings of one contract would be two contracts."""
    for example in SCHEMAS[name]["examples"]:
        parse("province", json.dumps(example).encode())
        for key in SCHEMAS[name]["required"]:
            broken = {other: value for other, value in example.items() if other != key}
            with pytest.raises(jsonschema.ValidationError):
                validator(name).validate(broken)
            with pytest.raises(InboundError):
                parse("province", json.dumps(broken).encode())


def test_words_that_stand_in_two_places_are_the_same() -> None:
    """A class of quality or a stream that the schema does not know would make every consumer fail."""
    qualities = SCHEMAS["record"]["properties"]["quality"]["additionalProperties"]["enum"]
    assert [*qualities, "valid"] == list(Quality)
    assert SCHEMAS["batch"]["properties"]["stream"]["enum"] == list(Stream)
    assert ASYNCAPI["components"]["parameters"]["stream"]["enum"] == list(Stream)
    assert "0x87" in meaning(0x87)


def test_the_asyncapi_document_refers_to_what_exists() -> None:
    """A dangling reference shows only in the tool of whoever wants to use it."""
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    referred = set()
    for reference in _references(ASYNCAPI):
        if reference.startswith("./"):
            assert (FOLDER / reference).is_file()
            referred.add(Path(reference).stem)
            continue
        found = ASYNCAPI
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    assert referred == set(SCHEMAS) - {"record", "event"}  # those two stand in batches
    for channel in ASYNCAPI["channels"].values():
        named = {part[1:-1] for part in channel["address"].split("/") if part.startswith("{")}
        assert named == set(channel["parameters"])


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        inner = [reference for value in part.values() for reference in _references(value)]
        return [*inner, *([part["$ref"]] if "$ref" in part else [])]
    if isinstance(part, list):
        return [reference for value in part for reference in _references(value)]
    return []
