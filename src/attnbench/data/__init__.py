"""Images: from class folders, from CIFAR-10 as published, or generated; prepared once for every later stage.

folder, cifar10, shapes -> images.Images (numpy) -> prepare.prepare -> prepared.Prepared (torch) -> one file
"""
