"""The forms (modals) as views. A field's name is its `block_id`. No I/O."""
