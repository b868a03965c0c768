"""The forms (modals) as views. A field's name is its `block_id`, in the form and in messages. No I/O."""
