"""What can go wrong in an index. Every message is for people: what happened, where, what to do."""


class IndexFault(Exception):
    """Base of everything an index raises on purpose.

    IndexFault
     |- BadLocation    the location is no index, or cannot become one
     |- IndexHeld      another process holds the folder open
     |- WrongSpace     the index holds vectors of another space
     |- BadFilter      a filter names a field or a test that cannot be
     `- IndexDown      the engine failed, or the Qdrant server did not answer
    """


class BadLocation(IndexFault):
    pass


class IndexHeld(IndexFault):
    pass


class WrongSpace(IndexFault):
    pass


class BadFilter(IndexFault):
    pass


class IndexDown(IndexFault):
    pass
