import sys

import own
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="of a test", DEBUG=False)
urlpatterns = [path("", lambda request: HttpResponse("django"))]

if __name__ == "__main__":
    own.say()
    execute_from_command_line([sys.argv[0], "runserver", "--noreload", "--nothreading", "0.0.0.0:8080"])
