"""The folder that is published: which files, their integrity and their signature.

Other rooms use `build.build_package`, `integrity.verify_folder`, `integrity.is_packaged` and
`integrity.hash_files`.
"""
