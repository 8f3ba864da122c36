"""What stands in for the Messages API of Anthropic, as a service of the outside: it says one sentence to whatever it is
asked, as a stream where the client wants one. Of a client that has the tool Bash and whose prompt is COMMAND_OF with a
command it wants that run first."""

import json

SENTENCE = "The stand-in speaks."
COMMAND_OF = "Run this: "


def _text_of(content):
    return content if isinstance(content, str) else "".join(block.get("text", "") for block in content)


def _wanted_command(asked):
    """The command that is still to be run, or None."""
    if "Bash" not in [tool.get("name") for tool in asked.get("tools", [])]:
        return None
    messages = [message for message in asked["messages"] if message["role"] == "user"]
    if any(block.get("type") == "tool_result" for message in messages if isinstance(message["content"], list)
           for block in message["content"]):
        return None
    texts = [_text_of(message["content"]) for message in messages]
    found = [text.partition(COMMAND_OF)[2].splitlines()[0] for text in texts if COMMAND_OF in text]
    return found[-1] if found else None


def _block(command):
    if command is None:
        return {"type": "text", "text": SENTENCE}
    call = {"command": command, "description": "What the prompt says"}
    return {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": call}


def _events(model, block):
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": None,
               "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
    calls = block["type"] == "tool_use"
    empty = block | ({"input": {}} if calls else {"text": ""})
    delta = ({"type": "input_json_delta", "partial_json": json.dumps(block["input"])} if calls
             else {"type": "text_delta", "text": block["text"]})
    yield {"type": "message_start", "message": message}
    yield {"type": "content_block_start", "index": 0, "content_block": empty}
    yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    yield {"type": "message_delta", "delta": {"stop_reason": _reason(block), "stop_sequence": None},
           "usage": {"output_tokens": 4}}
    yield {"type": "message_stop"}


def _reason(block):
    return "tool_use" if block["type"] == "tool_use" else "end_turn"


def service(request):
    path = request["path"].partition("?")[0]
    if request["method"] != "POST" or path not in ("/v1/messages", "/v1/messages/count_tokens"):
        return 404, {"content-type": "application/json"}, '{"type": "error", "error": {"type": "not_found_error"}}'
    if path.endswith("count_tokens"):
        return 200, {"content-type": "application/json"}, '{"input_tokens": 1}'
    asked = json.loads(request["raw"])
    model, block = asked["model"], _block(_wanted_command(asked))
    if asked.get("stream"):
        stream = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in _events(model, block))
        return 200, {"content-type": "text/event-stream"}, stream
    answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "stop_reason": _reason(block),
              "content": [block], "usage": {"input_tokens": 1, "output_tokens": 4}}
    return 200, {"content-type": "application/json"}, json.dumps(answer)
