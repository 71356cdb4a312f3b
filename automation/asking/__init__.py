"""Asking the language model: what it may cost, who asked it before, and what became of every call.

``gateway.ask`` is the one way to the model. It looks for an answer that was paid for already, reserves the most the call can
cost (``ledger``), calls (``automation/llm``), settles what it really cost, and, whatever happens, answers: from the model or in
its place from rules and templates. ``budget`` says how much is left and what follows; ``configuration`` what staff have set.
"""
