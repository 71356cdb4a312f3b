"""What every app's admin is built from: one base class, acts with a form, estimated counts, safe HTML."""
