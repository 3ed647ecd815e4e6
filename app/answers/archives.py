"""Archives as downloads: sent while they are read, with their length, so that a browser shows how far it is."""

from starlette.responses import Response, StreamingResponse

from engine.exports.archive import MEDIA_TYPE, Archive


def download(archive: Archive, head: bool = False) -> Response:
    """The archive as a file to save; with `head`, only what a client wants to know before."""
    headers = {
        "content-disposition": f'attachment; filename="{archive.file_name}"',
        "content-length": str(archive.size),
        "content-encoding": "identity",  # weights do not compress, and packing them would hide the length
    }
    if head:
        return Response(headers=headers, media_type=MEDIA_TYPE)
    return StreamingResponse(archive.chunks(), headers=headers, media_type=MEDIA_TYPE)
