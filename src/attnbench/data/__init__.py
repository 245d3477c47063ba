"""Images from class folders, from CIFAR-10 as published, or generated; prepared once for all later stages.

folder, cifar10 or shapes -> SourceImages (numpy) -> prepare -> records.prepared.Prepared (torch) -> one file
"""
