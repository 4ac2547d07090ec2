"""One protocol, one file, with a `PROTOCOL` in it; see `protocols.base.Protocol` for what it must say."""
