import own
import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def index():
    return "fastapi"


if __name__ == "__main__":
    own.say()
    uvicorn.run(app, host="0.0.0.0", port=8080)
