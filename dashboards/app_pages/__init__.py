"""The pages: each module has one `render(viewer)`. Pages ask `queries`; they open nothing themselves."""
