"""The order of the files: each is one worker's, and those that take long begin first, lest they end last."""


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not any(item.iter_markers("dag")) and not any(item.iter_markers("long")))
