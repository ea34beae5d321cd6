"""Texts of a wanted number of tokens that begin like no other, and conversations as clients keep them."""

import random

from .chat import Answer
from .server import Server

WORDS = ("the of and to in that was his he it with is for as had you not be her on at by which have or from this him but all "
         "she they were my are me one their so an said them we who would been will no when there if more out up into do any "
         "your what has man could other than our some very time upon about may its only now like little then can made should "
         "did us such great before must two these see know over much down after first good men own never most old shall day "
         "where those came come himself way work life without go make well through being long say might how am too even back "
         "many house here before still take every again think place hand found under while last might give part against").split()

Messages = list[dict[str, str]]


class Prompts:
    """Numbers every text, so that no two begin alike. The tokens of a word are measured through a server, once."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._count = 0
        self._words_per_token = 0.0
        self._around = 0  # tokens of the template and the system prompt

    def calibrate(self, server: Server) -> None:
        short, long = ([self.system(), self.user_of_words(words)] for words in (50, 450))
        tokens_short, tokens_long = server.count_tokens(short), server.count_tokens(long)
        self._words_per_token = 400 / max(1, tokens_long - tokens_short)
        self._around = tokens_short - round(50 / self._words_per_token)

    def words(self, count: int) -> str:
        return " ".join(self._random.choices(WORDS, k=count))

    def system(self, words: int = 12) -> dict[str, str]:
        self._count += 1
        return {"role": "system", "content": f"{self.words(6)} {self._count}. You are a careful clerk; {self.words(words)}"}

    def user_of_words(self, count: int) -> dict[str, str]:
        return {"role": "user", "content": self.words(max(1, count))}

    def user(self, tokens: int) -> dict[str, str]:
        return self.user_of_words(round(tokens * self._words_per_token))

    def conversation(self, tokens: int) -> Messages:
        """A system prompt and one message, together about so many tokens."""
        return [self.system(), self.user(max(8, tokens - self._around))]


def extended(messages: Messages, answer: Answer, user: dict[str, str]) -> Messages:
    return [*messages, {"role": "assistant", "content": answer.text}, user]
