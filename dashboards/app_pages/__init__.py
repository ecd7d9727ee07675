"""The pages: each module has one `render(viewer)`. Pages read only through `queries`."""
