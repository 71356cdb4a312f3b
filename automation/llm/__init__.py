"""The language model: dataclasses in, dataclasses out, no database, no keys kept and nothing sent to anybody.

Read in this order: ``base`` (what is asked and answered, how it fails), ``client`` (one call of an OpenAI-compatible
endpoint, loaded on first use), ``structured`` (an answer against its schema), ``fencing`` and ``orders`` (text from
outside is data), ``pricing``, and ``purposes/`` (what the model is asked for, one file each).

What a call may cost, who asked it before and what became of it is kept by ``automation/asking``.
"""
