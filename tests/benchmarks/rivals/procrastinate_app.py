"""A procrastinate application; run as a module with a number it makes the schema and defers so many jobs."""

import os
import sys

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

from tests.benchmarks.rivals.act import act

app = App(connector=PsycopgConnector(conninfo=os.environ["RIVAL_CONNINFO"]))
app.task(act, name="act")


def main(count: int) -> None:
    with (
        app.replace_connector(SyncPsycopgConnector(conninfo=os.environ["RIVAL_CONNINFO"])) as filling,
        filling.open(),
    ):
        filling.schema_manager.apply_schema()
        filling.configure_task("act").batch_defer(*({"number": number} for number in range(count)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
