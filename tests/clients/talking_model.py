"""A copy of a generated test model that reads and writes text: a vocabulary of ASCII, and a chat template that thinks.

Generated models have 128 tokens that are called tok_0 to tok_127. Here they are bytes, two marks of ChatML, and the space. An
answer begins inside its thoughts, unless thinking is turned off; a model that was never trained does not end its thoughts,
so an answer without tools is thought to its end: cut off, as a real one is by its limit. What clients do with such thoughts on
the way back is what sessions are about.
"""

import struct
from pathlib import Path

# It knows no tools, so that a call is all of an answer: a model that was never trained would not come to it.
TEMPLATE = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' }}"
    "{%- if message.reasoning_content %}{{- '<think>\n' + message.reasoning_content + '\n</think>\n\n' }}{%- endif %}"
    "{{- message.content }}{{- '<|im_end|>\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and not enable_thinking %}{{- '<think>\n\n</think>\n\n' }}"
    "{%- else %}{{- '<think>\n' }}{%- endif %}{%- endif %}")

BOOL, STRING, ARRAY, UINT32, INT32, FLOAT32 = 7, 8, 9, 4, 5, 6
VOCABULARY = 128
END, START = 3, 4  # <|im_end|>, <|im_start|>
NORMAL, CONTROL, BYTE = 1, 3, 6
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
ALIGNMENT = 32


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self, form: str) -> int:
        (value,) = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return value

    def text(self) -> str:
        size = self.number("Q")
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def skip_value(self, kind: int) -> None:
        if kind == STRING:
            self.text()
        elif kind == ARRAY:
            inner, count = self.number("I"), self.number("Q")
            if inner in SIZES:
                self.at += SIZES[inner] * count
            else:
                for _ in range(count):
                    self.skip_value(inner)
        else:
            self.at += SIZES[kind]


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def array(kind: int, values: list) -> bytes:
    form = {INT32: "i", FLOAT32: "f"}.get(kind)
    body = b"".join(text(value) if kind == STRING else struct.pack("<" + form, value) for value in values)
    return struct.pack("<IQ", kind, len(values)) + body


def vocabulary() -> tuple[list[str], list[int]]:
    """Tokens and their kinds. What is never needed of ASCII gives its place to what is."""
    tokens = [f"<0x{byte:02X}>" for byte in range(VOCABULARY)]
    kinds = [BYTE] * VOCABULARY
    for token, name, kind in ((0, "qq", NORMAL), (1, "ww", NORMAL), (2, "zz", NORMAL), (END, "<|im_end|>", CONTROL),
                              (START, "<|im_start|>", CONTROL), (ord(" "), "\u2581", NORMAL)):
        tokens[token], kinds[token] = name, kind
    return tokens, kinds


def new_pairs() -> dict[str, tuple[int, bytes]]:
    tokens, kinds = vocabulary()
    number = lambda value: (UINT32, struct.pack("<I", value))
    return {
        "tokenizer.chat_template": (STRING, text(TEMPLATE)),
        "tokenizer.ggml.model": (STRING, text("llama")),
        "tokenizer.ggml.tokens": (ARRAY, array(STRING, tokens)),
        "tokenizer.ggml.token_type": (ARRAY, array(INT32, kinds)),
        "tokenizer.ggml.scores": (ARRAY, array(FLOAT32, [0.0] * VOCABULARY)),
        "tokenizer.ggml.add_bos_token": (BOOL, b"\0"),
        "tokenizer.ggml.add_eos_token": (BOOL, b"\0"),
        "tokenizer.ggml.add_space_prefix": (BOOL, b"\0"),
        "tokenizer.ggml.bos_token_id": number(START),
        "tokenizer.ggml.eos_token_id": number(END),
        "tokenizer.ggml.eot_token_id": number(END),
    }


def make_talking_model(model: Path, copy: Path) -> None:
    reader = Reader(model.read_bytes())
    reader.at = 4
    version, tensors, pairs = reader.number("I"), reader.number("Q"), reader.number("Q")
    changed = new_pairs()
    kept = []
    for _ in range(pairs):
        begin = reader.at
        key = reader.text()
        reader.skip_value(reader.number("I"))
        if key not in changed and key != "tokenizer.ggml.merges":
            kept.append(reader.data[begin:reader.at])
    begin = reader.at
    for _ in range(tensors):
        reader.text()
        dimensions = reader.number("I")
        reader.at += 8 * dimensions + 4 + 8
    infos = reader.data[begin:reader.at]
    data = reader.data[(reader.at + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT:]
    kept += [text(key) + struct.pack("<I", kind) + value for key, (kind, value) in changed.items()]
    head = b"GGUF" + struct.pack("<IQQ", version, tensors, len(kept)) + b"".join(kept) + infos
    copy.write_bytes(head.ljust((len(head) + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT, b"\0") + data)
