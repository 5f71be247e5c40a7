import sys, tempfile, pathlib, httpx, json
from tests.support.world import world
from tests.support.mcp_client import McpClient
folder=pathlib.Path(tempfile.mkdtemp())
with world(folder, {"LOG_FORMAT": "json"}) as here:
    person=here.sign_in("octocat")
    c=McpClient(here.server.mcp_url, person.access_token).open()
    r=c.call("create_gist", files={"a.txt":"x"}, description="d").wait()
    print(r.structured)
    c.call("list_my_gists").wait()
    c.call("nothing\n", a=1).wait()
    print(httpx.get(here.server.url+"/healthz").json(), httpx.get(here.server.url+"/readyz").text)
    print(httpx.get(here.server.mcp_url).headers)
    print(httpx.get(here.server.url+"/readyz", headers={"x-request-id":"evil"}).headers)
    log=here.server.log() if hasattr(here.server,'log') else here.server.log_path.read_text()
print(log)
