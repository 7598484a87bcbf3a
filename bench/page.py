from bench.results import RunResult


def run_page(result: RunResult) -> str:
    return ""
