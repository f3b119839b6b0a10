"""ONNX variants of a model, in full precision and in int8, and their measurement.

Other rooms use `add_variants.variant_adder`, `variants.build_variants` and
`variants.measure_variants`.
"""
