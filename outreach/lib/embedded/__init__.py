"""A Django database engine that is PostgreSQL's own, plus: it starts the embedded server when first asked."""
