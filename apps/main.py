"""Every page of Skydeck at one address: ``panel serve apps/``; the page is in the query, the index without one."""

from skydeck.server.pages import main

page = main()
if page is not None:  # the index writes itself into the document
    page.servable(title="Skydeck")
