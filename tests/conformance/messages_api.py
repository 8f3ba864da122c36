"""What stands in for the Messages API of Anthropic, as a service of the outside: it says one sentence to whatever it is
asked, as a stream where the client wants one."""

import json

SENTENCE = "The stand-in speaks."


def _events(model):
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": None,
               "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
    yield {"type": "message_start", "message": message}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": SENTENCE}}
    yield {"type": "content_block_stop", "index": 0}
    yield {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
           "usage": {"output_tokens": 4}}
    yield {"type": "message_stop"}


def service(request):
    path = request["path"].partition("?")[0]
    if request["method"] != "POST" or path not in ("/v1/messages", "/v1/messages/count_tokens"):
        return 404, {"content-type": "application/json"}, '{"type": "error", "error": {"type": "not_found_error"}}'
    if path.endswith("count_tokens"):
        return 200, {"content-type": "application/json"}, '{"input_tokens": 1}'
    asked = json.loads(request["raw"])
    model = asked["model"]
    if asked.get("stream"):
        stream = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in _events(model))
        return 200, {"content-type": "text/event-stream"}, stream
    answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "stop_reason": "end_turn",
              "content": [{"type": "text", "text": SENTENCE}], "usage": {"input_tokens": 1, "output_tokens": 4}}
    return 200, {"content-type": "application/json"}, json.dumps(answer)
