"""The model card, rendered from the facts in `metadata.json`.

Other rooms use `card.render_card` and `card.write_card`, the `describe_*` functions and
`write_metadata` of `metadata`, `added_facts.Publication`, and `licensing.read_terms`.
"""
